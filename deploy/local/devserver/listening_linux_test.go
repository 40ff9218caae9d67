package devserver

import (
	"bufio"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// listening lists what this process listens on: the sockets among its open files, looked up in
// the system's tables.
func listening(t *testing.T) []*net.TCPAddr {
	t.Helper()
	own := map[string]bool{}
	files, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	for _, f := range files {
		target, err := os.Readlink(f)
		if err != nil {
			continue // closed since
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var out []*net.TCPAddr
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		f, err := os.Open(table)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a system without IPv6
		}
		require.NoError(t, err)
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Scan() // headings
		for lines.Scan() {
			// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
			fields := strings.Fields(lines.Text())
			const listen = "0A"
			if fields[3] == listen && own[fields[9]] {
				out = append(out, parseProcAddress(t, fields[1]))
			}
		}
		require.NoError(t, lines.Err())
	}
	return out
}

// parseProcAddress reads an address as the kernel prints it: 32-bit words in the machine's byte
// order (little endian on what we run on), then the port.
func parseProcAddress(t *testing.T, text string) *net.TCPAddr {
	t.Helper()
	host, service, _ := strings.Cut(text, ":")
	ip, err := hex.DecodeString(host)
	require.NoError(t, err)
	for word := range slices.Chunk(ip, 4) {
		slices.Reverse(word)
	}
	port, err := strconv.ParseUint(service, 16, 16)
	require.NoError(t, err)
	return &net.TCPAddr{IP: ip, Port: int(port)}
}
