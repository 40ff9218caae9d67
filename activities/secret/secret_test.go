package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/countersign/countersign/activities/secret"
)

const canary = "s3cr3t-c4n4ry-value"

// holder has secrets at every place where a printer may look.
type holder struct {
	Open    secret.Secret            `json:"open"`
	Pointer *secret.Secret           `json:"pointer"`
	List    []secret.Secret          `json:"list"`
	Map     map[string]secret.Secret `json:"map" xml:"-"`
	Any     any                      `json:"any"`
	closed  secret.Secret
	inside  struct{ deep *secret.Secret }
}

func holding(value string) holder {
	s := secret.New(value)
	h := holder{Open: s, Pointer: &s, List: []secret.Secret{s}, Map: map[string]secret.Secret{"k": s}, Any: s, closed: s}
	h.inside.deep = &s
	return h
}

// printers are every way in which values become text.
var printers = map[string]func(v any) string{
	"%v":       func(v any) string { return fmt.Sprintf("%v", v) },
	"%+v":      func(v any) string { return fmt.Sprintf("%+v", v) },
	"%#v":      func(v any) string { return fmt.Sprintf("%#v", v) },
	"%s":       func(v any) string { return fmt.Sprintf("%s", v) },
	"%q":       func(v any) string { return fmt.Sprintf("%q", v) },
	"%x":       func(v any) string { return fmt.Sprintf("%x", v) },
	"%X":       func(v any) string { return fmt.Sprintf("%X", v) },
	"%d":       func(v any) string { return fmt.Sprintf("%d", v) },
	"%t %p %T": func(v any) string { return fmt.Sprintf("%t %p %T", v, v, v) },
	"Sprint":   func(v any) string { return fmt.Sprint(v) + fmt.Sprintln(v) },
	"error":    func(v any) string { return fmt.Errorf("it failed with %v: %w", v, errors.New("x")).Error() },
	"json": func(v any) string {
		raw, err := json.Marshal(v)
		return string(raw) + fmt.Sprint(err)
	},
	"xml": func(v any) string {
		raw, err := xml.Marshal(v)
		return string(raw) + fmt.Sprint(err)
	},
	"yaml": func(v any) string {
		raw, err := yaml.Marshal(v)
		return string(raw) + fmt.Sprint(err)
	},
	"gob": func(v any) string {
		var out bytes.Buffer
		err := gob.NewEncoder(&out).Encode(v)
		return out.String() + fmt.Sprint(err)
	},
	"slog text": func(v any) string {
		return logged(func(w *bytes.Buffer) slog.Handler { return slog.NewTextHandler(w, nil) }, v)
	},
	"slog json": func(v any) string {
		return logged(func(w *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(w, nil) }, v)
	},
	"panic": func(v any) (said string) {
		defer func() { said = fmt.Sprint(recover()) }()
		panic(v)
	},
	"a test that fails": func(v any) string {
		var t recorder
		require.Equal(&t, 5, v)
		return string(t)
	},
}

type recorder string

func (r *recorder) Errorf(format string, args ...any) { *r += recorder(fmt.Sprintf(format, args...)) }
func (r *recorder) FailNow()                          {}

func logged(handler func(*bytes.Buffer) slog.Handler, v any) string {
	var out bytes.Buffer
	slog.New(handler(&out)).Info("message", "key", v, slog.Group("group", "inner", v))
	return out.String()
}

// requireSilent looks for a value in what was printed, in every form a printer could give it.
func requireSilent(t *testing.T, said, value string) {
	t.Helper()
	for _, form := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value), strings.Trim(fmt.Sprintf("%v", []byte(value)), "[]"), strings.Trim(fmt.Sprintf("%q", value), `"`)} {
		require.NotContains(t, said, form)
	}
}

func TestSilence(t *testing.T) {
	t.Parallel()
	s := secret.New(canary)
	for name, print := range printers {
		t.Run(name, func(t *testing.T) {
			for _, v := range []any{s, &s, holding(canary), new(holding(canary)), []any{s}, map[string]any{"s": s}} {
				said := print(v)
				requireSilent(t, said, canary)
				require.NotEmpty(t, said)
			}
		})
	}
	for _, format := range []string{"%v", "%+v", "%s", "%#v", "%x", "%20s", "%-3d"} {
		require.Equal(t, secret.Shown, fmt.Sprintf(format, s))
	}
	require.Equal(t, `"<secret>"`, fmt.Sprintf("%q", s))
	require.Equal(t, secret.Shown, s.String())
	require.Equal(t, secret.Shown, s.GoString())
	require.Equal(t, canary, s.Reveal())
}

func TestSecretIsNotRead(t *testing.T) {
	t.Parallel()
	var h holder
	require.ErrorContains(t, json.Unmarshal([]byte(`{"open":"<secret>"}`), &h), "take a secret.Ref")
	require.ErrorContains(t, xml.Unmarshal([]byte(`<holder><Open>x</Open></holder>`), &h), "take a secret.Ref")
	require.ErrorContains(t, yaml.Unmarshal([]byte(`open: x`), &h), "take a secret.Ref")
	var out bytes.Buffer
	require.NoError(t, gob.NewEncoder(&out).Encode(secret.New(canary)))
	require.ErrorContains(t, gob.NewDecoder(&out).Decode(new(secret.Secret)), "take a secret.Ref")
}

func TestEqual(t *testing.T) {
	t.Parallel()
	require.True(t, secret.New("a").Equal(secret.New("a")))
	require.False(t, secret.New("a").Equal(secret.New("b")))
	require.True(t, secret.Secret{}.IsZero())
	require.False(t, secret.New("a").IsZero())
	require.Empty(t, secret.Secret{}.Reveal())
}

// FuzzSilence prints any value in every way.
func FuzzSilence(f *testing.F) {
	for _, seed := range []string{canary, "%v%s%d", "\x00\xff\xfe12345678", `"quoted" \ value`, "<script>&amp;", "héllo wörld 世界"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		// What the printer says of an unrelated value is no leak: an address may hold any digits.
		if len(value) < 8 {
			return
		}
		for name, print := range printers {
			said := print(holding(value))
			if strings.Contains(print(holding("another-value-of-the-same-form")), value) {
				continue // it is a word of the printer
			}
			require.NotContains(t, said, value, name)
		}
	})
}
