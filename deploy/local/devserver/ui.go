package devserver

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/temporalio/ui-server/v2/server/api"
	"github.com/temporalio/ui-server/v2/server/config"
	"github.com/temporalio/ui-server/v2/server/csrf"
	"github.com/temporalio/ui-server/v2/server/route"
	"github.com/temporalio/ui-server/v2/ui"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// webUI serves Temporal's web UI. It is put together from the parts of ui-server and not with its
// NewServer, because that one listens by itself (and ends the process when it cannot), never closes
// its connection to the frontend, and takes requests for any host.
type webUI struct {
	url  string
	http *http.Server
	conn *grpc.ClientConn
}

func startUI(port int, frontend, namespace string, logger *slog.Logger) (*webUI, error) {
	listener, err := listenPreferred(port)
	if err != nil {
		return nil, fmt.Errorf("web UI: %w", err)
	}
	u := &webUI{url: "http://" + listener.Addr().String()}
	handler, err := u.handler(frontend, namespace)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("web UI: %w", err), listener.Close(), u.stop())
	}
	u.http = &http.Server{
		Handler:           loopbackHostOnly(handler),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	go func() { _ = u.http.Serve(listener) }() // returns when stop closes it
	return u, nil
}

func (u *webUI) handler(frontend, namespace string) (http.Handler, error) {
	provider, err := config.NewConfigProviderWithRefresh(&config.Config{
		TemporalGRPCAddress: frontend,
		DefaultNamespace:    namespace,
		EnableUI:            true,
		HideLogs:            true,
		// The browser asks nobody but us.
		DisableNewsFetch: true,
		CORS: config.CORS{
			// No origins: pages from elsewhere may not read or write anything. The CSRF
			// cookie has to travel over plain HTTP.
			CookieInsecure: true,
		},
	})
	if err != nil {
		return nil, err
	}
	if u.conn, err = api.CreateGRPCConnection(provider); err != nil {
		return nil, err
	}
	assets, err := ui.Assets()
	if err != nil {
		return nil, err
	}
	pages, err := fs.Sub(assets, "local")
	if err != nil {
		return nil, err
	}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard)
	e.StdLogger = log.New(io.Discard, "", 0)
	e.Use(
		middleware.Secure(),
		csrf.EnsureTokenCookie(false),
		middleware.CSRFWithConfig(csrf.MiddlewareConfig(provider, false)),
	)
	route.SetHealthRoute(e)
	e.GET("/api/v1/settings", api.GetSettings(provider))
	e.GET("/api/v1"+api.WorkflowRawHistoryUrl, api.WorkflowRawHistoryHandler(workflowservice.NewWorkflowServiceClient(u.conn)))
	e.Match([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		"/api/v1/*", api.TemporalAPIHandler(provider, nil, u.conn))
	if err := route.SetUIRoutes(e, "", pages); err != nil {
		return nil, err
	}
	route.SetRenderRoute(e, "")
	return e, nil
}

// loopbackHostOnly refuses requests whose Host is not this machine. A page can have its own name
// resolve to 127.0.0.1 and would then, to the browser, be of the same origin as the UI; its
// requests still carry its name.
func loopbackHostOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		switch host {
		case "localhost", loopback, "::1", "[::1]":
			next.ServeHTTP(w, r)
		default:
			http.Error(w, "this server answers to localhost and 127.0.0.1 only", http.StatusMisdirectedRequest)
		}
	})
}

// stop closes the listener and all connections at once: nobody waits for a page.
func (u *webUI) stop() error {
	var errs []error
	if u.http != nil {
		errs = append(errs, u.http.Close())
	}
	if u.conn != nil {
		errs = append(errs, u.conn.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop the web UI: %w", err)
	}
	return nil
}
