package devserver

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// loopback is the one address that anything in this package listens on.
const loopback = "127.0.0.1"

const (
	defaultAddress = loopback + ":7233"
	defaultUIPort  = 8233
)

// ports are the gRPC ports of the four services. There is no fifth: with fixed hosts there is
// no membership protocol, and HTTP, metrics and profiling are off.
type ports struct {
	frontend, history, matching, worker int
}

func (ports) address(port int) string {
	return net.JoinHostPort(loopback, strconv.Itoa(port))
}

// choosePorts finds ports nobody listens on, the frontend's at the preferred address if that
// is free. All are held until all are found, so that they differ.
func choosePorts(preferred string) (ports, error) {
	_, port, err := splitLoopback(preferred)
	if err != nil {
		return ports{}, err
	}
	var p ports
	for _, want := range []struct {
		port *int
		pref int
	}{{&p.frontend, port}, {&p.history, 0}, {&p.matching, 0}, {&p.worker, 0}} {
		l, err := listenPreferred(want.pref)
		if err != nil {
			return ports{}, err
		}
		defer l.Close()
		*want.port = l.Addr().(*net.TCPAddr).Port
	}
	return p, nil
}

// listenPreferred listens on the port if it is free, on any other if not. A port that may not be
// used (below 1024, or reserved by the system) counts as taken.
func listenPreferred(port int) (net.Listener, error) {
	l, err := net.Listen("tcp4", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err == nil || port == 0 {
		return l, err
	}
	l, err = net.Listen("tcp4", loopback+":0")
	if err != nil {
		return nil, fmt.Errorf("find a free port on %s: %w", loopback, err)
	}
	return l, nil
}

// splitLoopback splits an address and refuses hosts that other machines could reach. ::1 is
// refused too: the services would have to agree on a family, and 127.0.0.1 is everywhere.
func splitLoopback(address string) (host string, port int, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: want host:port such as %s: %w", address, defaultAddress, err)
	}
	if host != loopback && host != "localhost" {
		return "", 0, fmt.Errorf("address %q: the development server has no authentication and listens on %s only", address, loopback)
	}
	port, err = strconv.Atoi(service)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("address %q: want a port from 0 to 65535", address)
	}
	return loopback, port, nil
}

// isAddressInUse says whether listening failed because somebody else does.
func isAddressInUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE)
}
