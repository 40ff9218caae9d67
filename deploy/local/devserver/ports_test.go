package devserver

import (
	"net"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOptions(t *testing.T) {
	tests := []struct {
		name string
		opts Options
		want string // "" when fine
	}{
		{"nothing", Options{}, ""},
		{"any port", Options{Address: anyPort}, ""},
		{"by name", Options{Address: "localhost:7233"}, ""},
		{"everywhere", Options{Address: "0.0.0.0:7233"}, "listens on 127.0.0.1 only"},
		{"unspecified", Options{Address: ":7233"}, "listens on 127.0.0.1 only"},
		{"no port", Options{Address: "127.0.0.1"}, "want host:port such as 127.0.0.1:7233"},
		{"port too high", Options{Address: "127.0.0.1:65536"}, "want a port from 0 to 65535"},
		{"port by name", Options{Address: "127.0.0.1:http"}, "want a port from 0 to 65535"},
		{"UI port", Options{UIPort: 65536}, "UI port 65536: want a port from 1 to 65535"},
		{"the server's namespace", Options{Namespace: "temporal-system"}, "belongs to the server"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.opts.complete()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}

	both := Options{Address: "0.0.0.0:1", UIPort: -1}
	err := both.complete()
	require.ErrorContains(t, err, "0.0.0.0:1")
	require.ErrorContains(t, err, "UI port -1")
}

func TestPreferredPort(t *testing.T) {
	free, err := net.Listen("tcp4", anyPort)
	require.NoError(t, err)
	address := free.Addr().String()

	p, err := choosePorts(address)
	require.NoError(t, err)
	require.NotEqual(t, address, p.address(p.frontend), "it is taken")

	require.NoError(t, free.Close())
	p, err = choosePorts(address)
	require.NoError(t, err)
	require.Equal(t, address, p.address(p.frontend))
	require.Len(t, map[int]bool{p.frontend: true, p.history: true, p.matching: true, p.worker: true}, 4)
}

// A port that is taken after it was chosen is an error to try again on, not the end of the process.
func TestPortTakenMeanwhile(t *testing.T) {
	db, err := openDatabase("", "default")
	require.NoError(t, err)
	p, err := choosePorts(anyPort)
	require.NoError(t, err)
	other, err := net.Listen("tcp4", p.address(p.matching))
	require.NoError(t, err)
	defer other.Close()

	_, err = buildTemporal(p, db.config, newLogger(nil, &troubles{}))
	require.True(t, isAddressInUse(err), "%v", err)
	require.ErrorContains(t, err, strconv.Itoa(p.matching))
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	lock, err := lockDir(dir)
	require.NoError(t, err)
	_, err = lockDir(dir)
	require.EqualError(t, err, dir+" is in use by another server in this process (pid "+
		strconv.Itoa(os.Getpid())+"): stop it, or choose another folder")
	require.NoError(t, lock.release())

	lock, err = lockDir(dir)
	require.NoError(t, err)
	require.NoError(t, lock.release())
}
