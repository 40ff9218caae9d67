package standin_test

import (
	"context"
	"fmt"
	"net/http/httptest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/countersign/countersign/activities/aws/standin"
)

// A change whose answer is lost: the SDK repeats it, and the log tells that only the first one made
// a difference.
func Example() {
	s, err := standin.New(standin.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	web := httptest.NewServer(s)
	defer web.Close()
	s.Inject(standin.Fault{Service: "iam", Action: "UpdateAccessKey", Kind: standin.TimeoutAfterEffect, Times: 1})

	client := iam.New(iam.Options{
		BaseEndpoint: aws.String(web.URL),
		Region:       standin.SampleRegion,
		Credentials:  credentials.NewStaticCredentialsProvider(standin.SampleAccessKeyID, standin.SampleSecretKey, ""),
	})
	_, err = client.UpdateAccessKey(context.Background(), &iam.UpdateAccessKeyInput{
		UserName:    aws.String(standin.SampleUser),
		AccessKeyId: aws.String(standin.SampleUserAccessKey),
		Status:      "Inactive",
	})
	fmt.Println("error:", err)
	for _, m := range s.Mutations() {
		fmt.Println(m.Seq, m.Service, m.Action, m.Parameters["Status"], "changed:", m.Changed)
	}
	// Output:
	// error: <nil>
	// 1 iam UpdateAccessKey Inactive changed: true
	// 2 iam UpdateAccessKey Inactive changed: false
}
