package secret

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// Clean takes the values of all secrets that the context's resolver has resolved out of a text, as
// they are and in the encodings in which they are sent. changed says whether there were any.
func Clean(ctx context.Context, text string) (clean string, changed bool) {
	u, _ := ctx.Value(useKey{}).(*use)
	if u == nil || u.resolver == nil {
		return text, false
	}
	return u.resolver.Clean(text)
}

// Clean takes the values that were resolved out of a text.
func (r *Resolver) Clean(text string) (clean string, changed bool) {
	r.mu.Lock()
	forms := r.forms // it is replaced, never changed
	r.mu.Unlock()
	clean = text
	for _, form := range forms {
		clean = strings.ReplaceAll(clean, form, Shown)
	}
	return clean, clean != text
}

// CleanJSON takes them out of the texts of what an activity answers that has resolved a secret. What
// is no JSON becomes null.
func CleanJSON(ctx context.Context, raw json.RawMessage) json.RawMessage {
	if u, _ := ctx.Value(useKey{}).(*use); u == nil || !u.resolved.Load() {
		return raw
	}
	if _, found := Clean(ctx, string(raw)); !found {
		return raw
	}
	var v any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return json.RawMessage("null")
	}
	out, err := json.Marshal(cleaned(ctx, v))
	if err != nil {
		return json.RawMessage("null")
	}
	return out
}

func cleaned(ctx context.Context, v any) any {
	switch v := v.(type) {
	case string:
		v, _ = Clean(ctx, v)
		return v
	case []any:
		for i := range v {
			v[i] = cleaned(ctx, v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, entry := range v {
			name, _ = Clean(ctx, name)
			out[name] = cleaned(ctx, entry)
		}
		return out
	}
	return v
}

// formsOf are the ways in which a value is commonly written.
func formsOf(value string) []string {
	quoted := strconv.Quote(value)
	inJSON, _ := json.Marshal(value) // a text can always be written
	out := []string{
		value, quoted[1 : len(quoted)-1], string(inJSON[1 : len(inJSON)-1]),
		url.QueryEscape(value), url.PathEscape(value), hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))),
	}
	if line := strings.TrimSpace(value); len(line) >= MinValue {
		out = append(out, line)
	}
	// In base64 it depends on what stands before: "user:password" has the password at any offset.
	for offset := range 3 {
		padded := append(make([]byte, offset), value...)
		whole := len(padded) / 3 * 3 // what comes behind changes the rest
		first := (offset*8 + 5) / 6  // characters that hold bits of what is before
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			if text := enc.EncodeToString(padded[:whole]); len(text)-first >= MinValue {
				out = append(out, text[first:])
			}
		}
	}
	return out
}
