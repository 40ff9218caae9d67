package expr

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/countersign/countersign/activities/digest"
)

// Decode reads JSON as a value of type t, ready to be used in an expression: integers stay exact,
// timestamps and durations become such. A value of another type is an error that says where. Fields
// that t does not know are left out: a newer worker may return more than an older plan has heard of.
// So is null where it stands for an optional field.
func (t *Type) Decode(raw []byte) (any, error) {
	v, err := digest.Decode(raw)
	if err != nil {
		return nil, err
	}
	return t.convert(decoding{}, "", v)
}

// DecodeForeign reads JSON that nobody here promised the type of, such as an event: its source may
// have changed what it sends. A value of another type is not an error but becomes one for whoever
// reads it, and for nobody else; the error says what of where was wanted. Fields that t does not
// know are kept, so that dyn(where).field finds them.
func (t *Type) DecodeForeign(where string, raw []byte) (any, error) {
	v, err := digest.Decode(raw)
	if err != nil {
		return nil, err
	}
	return decoding{foreign: true}.part(t, "."+where, v)
}

// decoding is how strict a conversion is.
type decoding struct{ foreign bool }

// part converts a part of a value.
func (d decoding) part(t *Type, path string, v any) (any, error) {
	converted, err := t.convert(d, path, v)
	if err != nil && d.foreign {
		// In the place of the value: whatever evaluates it gets the error.
		return types.WrapErr(err), nil
	}
	return converted, err
}

func (t *Type) convert(d decoding, path string, v any) (any, error) {
	fail := func() (any, error) {
		return nil, fmt.Errorf("%swant %s, got %s", at(path), t, describe(v))
	}
	switch t.kind {
	case KindAny:
		return untyped(v), nil
	case KindNull:
		if v == nil {
			return nil, nil
		}
	case KindBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case KindInt:
		if n, ok := v.(json.Number); ok {
			if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
				return i, nil
			}
		}
	case KindDouble:
		if n, ok := v.(json.Number); ok {
			if f, err := n.Float64(); err == nil {
				return f, nil
			}
		}
	case KindString:
		if s, ok := v.(string); ok {
			return s, nil
		}
	case KindTimestamp:
		if s, ok := v.(string); ok {
			if ts, err := time.Parse(time.RFC3339Nano, s); err == nil {
				return ts, nil
			}
		}
	case KindDuration:
		if s, ok := v.(string); ok {
			if d, err := time.ParseDuration(s); err == nil {
				return d, nil
			}
		}
	case KindList:
		return t.convertList(d, path, v)
	case KindMap, KindObject:
		return t.convertMap(d, path, v)
	}
	return fail()
}

// convertList takes null for an empty list, which is how Go writes a nil slice.
func (t *Type) convertList(d decoding, path string, v any) (any, error) {
	items, ok := v.([]any)
	if !ok && v != nil {
		return nil, fmt.Errorf("%swant %s, got %s", at(path), t, describe(v))
	}
	out := make([]any, len(items))
	for i, item := range items {
		var err error
		if out[i], err = d.part(t.elem, fmt.Sprintf("%s[%d]", path, i), item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (t *Type) convertMap(d decoding, path string, v any) (any, error) {
	entries, ok := v.(map[string]any)
	if !ok && (v != nil || t.kind == KindObject) {
		return nil, fmt.Errorf("%swant %s, got %s", at(path), t, describe(v))
	}
	out := make(map[string]any, len(entries))
	for _, name := range Keys(entries) { // of two mistakes, always the same is reported
		entry, want := entries[name], t.elem
		if t.kind == KindObject {
			f, ok := t.Field(name)
			switch {
			case !ok && d.foreign:
				f.Type = Any
			case !ok, entry == nil && f.Optional && f.Type.kind != KindNull:
				continue
			}
			want = f.Type
		}
		converted, err := d.part(want, path+"."+name, entry)
		if err != nil {
			return nil, err
		}
		out[name] = converted
	}
	for _, f := range t.fields {
		if _, ok := out[f.Name]; !ok && !f.Optional && !d.foreign {
			return nil, fmt.Errorf("%sthe field %q is missing", at(path), f.Name)
		}
	}
	return out, nil
}

func at(path string) string {
	if path == "" {
		return ""
	}
	return strings.TrimPrefix(path, ".") + ": "
}

// untyped gives numbers the type that their digits suggest: CEL tells 5 from 5.0, JSON does not.
func untyped(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return i
		}
		f, _ := v.Float64() // out of range gives an infinity, which no comparison mistakes for a number
		return f
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = untyped(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		// It builds a map, in which no order shows.
		//workflowcheck:ignore
		for k := range v {
			out[k] = untyped(v[k])
		}
		return out
	default:
		return v
	}
}

func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "a bool"
	case json.Number:
		return "the number " + v.String()
	case string:
		return fmt.Sprintf("the string %.40q", v)
	case []any:
		return "a list"
	default:
		return "a map"
	}
}

// Encode writes a value that Type.Decode has made, or a map of such, so that Decode reads it back.
func Encode(v any) (json.RawMessage, error) {
	encoded, err := encode(types.DefaultTypeAdapter.NativeToValue(v))
	if err != nil {
		return nil, err
	}
	return json.Marshal(encoded)
}

// encode turns what CEL yields into a value that encoding/json writes so that Decode reads it back.
func encode(v ref.Val) (any, error) {
	switch v := v.(type) {
	case types.Null:
		return nil, nil
	case types.Bool:
		return bool(v), nil
	case types.Int:
		return int64(v), nil
	case types.Uint:
		if uint64(v) > math.MaxInt64 {
			return nil, fmt.Errorf("the number %d is too large", uint64(v))
		}
		return int64(v), nil
	case types.Double:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("the result is %v, which JSON cannot say", float64(v))
		}
		return exactDouble(float64(v)), nil
	case types.String:
		return string(v), nil
	case types.Timestamp:
		return v.UTC().Format(time.RFC3339Nano), nil
	case types.Duration:
		return v.Duration.String(), nil
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return encode(v.GetValue())
	case traits.Lister:
		return encodeList(v)
	case traits.Mapper:
		return encodeMap(v)
	case *types.Err:
		return nil, v
	default:
		return nil, fmt.Errorf("a result of type %s cannot be kept", v.Type().TypeName())
	}
}

// exactDouble keeps 3.0 apart from 3, so that it is a double again when read back untyped.
func exactDouble(f float64) json.Number {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return json.Number(s)
}

func encodeList(l traits.Lister) (any, error) {
	out := []any{}
	for it := l.Iterator(); it.HasNext() == types.True; {
		item, err := encode(it.Next())
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func encodeMap(m traits.Mapper) (any, error) {
	out := map[string]any{}
	for it := m.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		name, ok := key.(types.String)
		if !ok {
			return nil, fmt.Errorf("a map has a key of type %s; want string", key.Type().TypeName())
		}
		item, err := encode(m.Get(key))
		if err != nil {
			return nil, err
		}
		out[string(name)] = item
	}
	return out, nil
}
