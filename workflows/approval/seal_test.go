package approval_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities/grant"
	"github.com/countersign/countersign/activities/preview"
	"github.com/countersign/countersign/workflows/approval"
)

// full is a request with a value in every field, as deep as there are any.
func full(t *testing.T) approval.Request {
	t.Helper()
	r := request(t, 1)
	r.Execution, r.Playbook, r.Question, r.PolicyDigest = "e", "p", "q", "sha256:ee"
	r.Policies = []grant.Need{{Groups: []string{"leads"}, Quorum: 1, Surfaces: []string{"cli"}}}
	r.Escalate = &approval.Escalation{Groups: []string{"night"}, At: asked}
	r.Edits = []approval.Edit{{By: "bob", Step: "disable", Before: "sha256:aa", After: "sha256:bb", At: asked}}
	r.Again = &approval.Again{Of: "sha256:aa", Why: "it is dim", Steps: []string{"disable"}}
	r.Calls = []approval.Call{{
		Step: "disable", Title: "Disable", Activity: "aws.iam.disable", Version: 1, Effect: "change", Undo: "aws.iam.enable", PutBack: true, PutBackAfter: time.Hour,
		Targets: []string{"user"}, Input: json.RawMessage(`{"user":"ci"}`), Digest: "sha256:bb", Rule: "prod", Why: "dear",
		Preview: &preview.Preview{Changes: []preview.Change{{Target: "key", What: "status", Before: "Active", After: "Inactive"}}}, Unshown: &approval.Unshown{Changes: 3, Digest: "sha256:cc"},
	}}
	return r
}

// Everything that is shown is in the digest, also what a later version adds to be shown.
func TestSealCoversEveryField(t *testing.T) {
	r := full(t)
	require.NoError(t, r.Seal())
	before, fields := r.Digest, 0
	var walk func(path string, v reflect.Value)
	change := func(path string, v reflect.Value, to any) {
		fields++
		require.False(t, v.IsZero(), "give %s a value", path)
		was := reflect.New(v.Type()).Elem()
		was.Set(v)
		v.Set(reflect.ValueOf(to).Convert(v.Type()))
		require.NoError(t, r.Seal())
		require.NotEqual(t, before, r.Digest, path)
		v.Set(was)
	}
	walk = func(path string, v reflect.Value) {
		switch one := v.Interface().(type) {
		case time.Time:
			change(path, v, one.Add(time.Second))
			return
		case json.RawMessage:
			change(path, v, json.RawMessage(`{"user":"ops"}`))
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				if name := v.Type().Field(i).Name; path != "" || name != "Digest" {
					walk(path+"."+name, v.Field(i))
				}
			}
		case reflect.Pointer:
			require.False(t, v.IsNil(), "give %s a value", path)
			walk(path, v.Elem())
		case reflect.Slice:
			require.NotZero(t, v.Len(), "give %s a value", path)
			walk(path+"[0]", v.Index(0))
		case reflect.String:
			change(path, v, v.String()+"x")
		case reflect.Int, reflect.Int64:
			change(path, v, v.Int()+1)
		case reflect.Bool:
			change(path, v, !v.Bool())
		default:
			t.Fatalf("%s is a %s, of which this test knows nothing", path, v.Kind())
		}
	}
	walk("", reflect.ValueOf(&r).Elem())
	require.Greater(t, fields, 40)
}
