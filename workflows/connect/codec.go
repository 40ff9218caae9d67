package connect

import (
	"crypto/rand"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

// The metadata of an encrypted payload. All else of the payload is inside.
const (
	encrypted   = "binary/encrypted"
	keyMetadata = "encryption-key-id" // as Temporal's samples name it
)

// errSealed is why a payload cannot be read: it was changed, or encrypted with another key of the
// same name.
var errSealed = errors.New("it is not what was encrypted under this key")

// Codec encrypts payloads with AES-256-GCM. The encoding and the id of the key are authenticated
// with them.
//
// It keeps payloads from whoever reads the database, the history or the UI. It does not tell who
// wrote one: payloads that are not encrypted are read as they are, as those of runs that began before
// there were keys. What permits an effect is signed, and does not lean on this.
func (k *Keys) Codec() converter.PayloadCodec { return codec{k} }

type codec struct{ keys *Keys }

// Encode implements converter.PayloadCodec.
func (c codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	id := c.keys.newest
	aead := c.keys.byID[id]
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
		if _, err := rand.Read(nonce); err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(encrypted), keyMetadata: []byte(id)},
			Data:     aead.Seal(nonce, nonce, plain, authenticated(id)),
		}
	}
	return out, nil
}

// Decode implements converter.PayloadCodec. Its errors hold nothing of what is inside.
func (c codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != encrypted {
			out[i] = p
			continue
		}
		id := string(p.GetMetadata()[keyMetadata])
		plain, err := c.open(id, p.GetData())
		if err != nil {
			return nil, fmt.Errorf("decrypt a payload of the key %.64q: %w", id, err)
		}
		out[i] = plain
	}
	return out, nil
}

func (c codec) open(id string, data []byte) (*commonpb.Payload, error) {
	aead, ok := c.keys.byID[id]
	if !ok {
		return nil, errors.New("there is no such key here")
	}
	if len(data) < aead.NonceSize() {
		return nil, errSealed
	}
	plain, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], authenticated(id))
	if err != nil {
		return nil, errSealed
	}
	p := &commonpb.Payload{}
	if proto.Unmarshal(plain, p) != nil {
		return nil, errSealed
	}
	return p, nil
}

// authenticated is what the seal covers beside the payload.
func authenticated(id string) []byte { return []byte(encrypted + "\x00" + id) }

// Converter is how values become payloads and back.
func (k *Keys) Converter() converter.DataConverter {
	if k == nil {
		return converter.GetDefaultDataConverter()
	}
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), k.Codec())
}

// encrypt makes a client, and the worker that is made of it, encrypt what they write: payloads, and
// the messages and traces of failures.
func (k *Keys) encrypt(o *client.Options) {
	if k == nil {
		return
	}
	o.DataConverter = k.Converter()
	o.FailureConverter = apart{temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: o.DataConverter, EncodeCommonAttributes: true,
	})}
}

// apart reads failures without changing them. The SDK's own converter decrypts one in its place, and
// the SDK has it read the failure of a local activity before that is sent: in clear, then.
type apart struct{ converter.FailureConverter }

func (a apart) FailureToError(f *failurepb.Failure) error {
	return a.FailureConverter.FailureToError(proto.CloneOf(f))
}
