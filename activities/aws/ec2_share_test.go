package aws

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/countersign/countersign/activities"
	"github.com/countersign/countersign/activities/aws/standin"
)

func sharingCalls(s *service) calls {
	return calls{
		"aws.ec2.share_snapshot":           erased(s.shareSnapshot),
		"aws.ec2.unshare_snapshot":         erased(s.unshareFromAccount),
		"aws.ec2.copy_snapshot":            erased(s.copySnapshot),
		"aws.ec2.unshare_public_snapshot":  erased(s.unshareSnapshot),
		"aws.ec2.restore_snapshot_sharing": erased(s.reshareSnapshot),
		"aws.ec2.unshare_public_image":     erased(s.unshareImage),
		"aws.ec2.restore_image_sharing":    erased(s.reshareImage),
		"aws.rds.unshare_snapshot":         erased(s.unshareDBSnapshot),
		"aws.rds.restore_snapshot_sharing": erased(s.reshareDBSnapshot),
	}
}

const (
	inSampleRegion = `{"account":"111122223333","region":"us-east-1",`
	shareJSON      = inSampleRegion + `"snapshot_id":"snap-0ccc444455556666c","with_account":"777788889999"}`
	noShare        = inSampleRegion + `"snapshot_id":"snap-00000000000000000","with_account":"777788889999"}`
	copyJSON       = inSampleRegion + `"source_region":"us-east-1","snapshot_id":"snap-0ccc444455556666c","kms_key":"` + sampleKeyARN + `"}`
	noCopy         = inSampleRegion + `"source_region":"us-east-1","snapshot_id":"snap-00000000000000000","kms_key":"` + sampleKeyARN + `"}`
	sampleKeyARN   = "arn:aws:kms:us-east-1:111122223333:key/" + standin.SampleKey

	publicSnapshot = inSampleRegion + `"snapshot_id":"snap-0ddd444455556666d","from":["*"]}`
	noSnapshot     = inSampleRegion + `"snapshot_id":"snap-00000000000000000"`
	publicImage    = inSampleRegion + `"image_id":"ami-0abcdef1234567890","from":["*"]}`
	noImage        = inSampleRegion + `"image_id":"ami-00000000000000000"`
	publicDB       = inSampleRegion + `"snapshot":"payments-before-migration","from":["*"]}`
	noDB           = inSampleRegion + `"snapshot":"nobody"`
)

var sharingChanges = []change{
	{
		name: "aws.ec2.share_snapshot", input: shareJSON, acts: []string{"ModifySnapshotAttribute"},
		service: "ec2", act: "ModifySnapshotAttribute", back: "DescribeSnapshotAttribute", backCall: 1,
		missing: noShare, kind: "InvalidSnapshot.NotFound",
	},
	{
		name: "aws.ec2.unshare_snapshot", after: []before{{"aws.ec2.share_snapshot", shareJSON}}, acts: []string{"ModifySnapshotAttribute"},
		service: "ec2", act: "ModifySnapshotAttribute", back: "DescribeSnapshotAttribute", backCall: 1,
		missing: noShare, kind: "InvalidSnapshot.NotFound",
	},
	{
		name: "aws.ec2.copy_snapshot", input: copyJSON, acts: []string{"CopySnapshot"},
		service: "ec2", act: "CopySnapshot", pauses: 1,
		missing: noCopy, kind: "InvalidSnapshot.NotFound",
	},
	{
		name: "aws.ec2.unshare_public_snapshot", input: publicSnapshot, acts: []string{"ModifySnapshotAttribute"},
		service: "ec2", act: "ModifySnapshotAttribute", back: "DescribeSnapshotAttribute", backCall: 1,
		missing: noSnapshot + `}`, kind: "InvalidSnapshot.NotFound",
	},
	{
		name: "aws.ec2.restore_snapshot_sharing", after: []before{{"aws.ec2.unshare_public_snapshot", publicSnapshot}}, acts: []string{"ModifySnapshotAttribute"},
		service: "ec2", act: "ModifySnapshotAttribute", back: "DescribeSnapshotAttribute", backCall: 1,
		missing: noSnapshot + `,"removed":["all"]}`, kind: "InvalidSnapshot.NotFound",
	},
	{
		name: "aws.ec2.unshare_public_image", input: publicImage, acts: []string{"ModifyImageAttribute"},
		service: "ec2", act: "ModifyImageAttribute", back: "DescribeImageAttribute", backCall: 1,
		missing: noImage + `}`, kind: "InvalidAMIID.NotFound",
	},
	{
		name: "aws.ec2.restore_image_sharing", after: []before{{"aws.ec2.unshare_public_image", publicImage}}, acts: []string{"ModifyImageAttribute"},
		service: "ec2", act: "ModifyImageAttribute", back: "DescribeImageAttribute", backCall: 1,
		missing: noImage + `,"removed":["all"]}`, kind: "InvalidAMIID.NotFound",
	},
	{
		name: "aws.rds.unshare_snapshot", input: publicDB, acts: []string{"ModifyDBSnapshotAttribute"},
		service: "rds", act: "ModifyDBSnapshotAttribute", back: "DescribeDBSnapshotAttributes", backCall: 1,
		missing: noDB + `}`, kind: "DBSnapshotNotFound",
	},
	{
		name: "aws.rds.restore_snapshot_sharing", after: []before{{"aws.rds.unshare_snapshot", publicDB}}, acts: []string{"ModifyDBSnapshotAttribute"},
		service: "rds", act: "ModifyDBSnapshotAttribute", back: "DescribeDBSnapshotAttributes", backCall: 1,
		missing: noDB + `,"removed":["all"]}`, kind: "DBSnapshotNotFound",
	},
}

var sharingViews = map[string]view{
	"aws.ec2.share_snapshot":           seeForensics,
	"aws.ec2.unshare_snapshot":         seeForensics,
	"aws.ec2.copy_snapshot":            seeCopy,
	"aws.ec2.unshare_public_snapshot":  seePublicSnapshot,
	"aws.ec2.restore_snapshot_sharing": seePublicSnapshot,
	"aws.ec2.unshare_public_image":     seePublicImage,
	"aws.ec2.restore_image_sharing":    seePublicImage,
	"aws.rds.unshare_snapshot":         seePublicDB,
	"aws.rds.restore_snapshot_sharing": seePublicDB,
}

func seeUse(target string, shared []string, by ...string) seen {
	out := seen{}
	for _, who := range by {
		id := strings.Replace(who, "everybody", "all", 1)
		out[target+inRegion+": use by "+who] = either(slices.Contains(shared, id), "shared", "not shared")
	}
	return out
}

func seeForensics(s *standin.State) seen {
	return seeUse("snapshot snap-0ccc444455556666c", region(s).Snapshots[standin.SamplePrivateSnapshot].Shared, "777788889999")
}

func seePublicSnapshot(s *standin.State) seen {
	return seeUse("snapshot snap-0ddd444455556666d", region(s).Snapshots[standin.SamplePublicSnapshot].Shared, "everybody", "444455556666")
}

func seePublicImage(s *standin.State) seen {
	return seeUse("image ami-0abcdef1234567890", region(s).Images[standin.SampleImage].Shared, "everybody", "444455556666")
}

func seePublicDB(s *standin.State) seen {
	return seeUse("database snapshot payments-before-migration", region(s).DBSnapshots[standin.SampleDBSnapshot].Shared, "everybody", "444455556666")
}

func seeCopy(s *standin.State) seen {
	say := "none for this run"
	for _, snapshot := range region(s).Snapshots {
		if snapshot.Tags[copyTag] == standin.SamplePrivateSnapshot && snapshot.Tags[caseTag] == "case-1" {
			say = "one for this run, under " + snapshot.Key
		}
	}
	return seen{"snapshot snap-0ccc444455556666c of us-east-1 into account 111122223333, us-east-1: copy": say}
}

var sharingMeddling = meddlers{
	"aws.ec2.share_snapshot": {
		"it is taken back": func(s *standin.State) { region(s).Snapshots[standin.SamplePrivateSnapshot].Shared = nil },
		"it is deleted":    func(s *standin.State) { delete(region(s).Snapshots, standin.SamplePrivateSnapshot) },
	},
	"aws.ec2.unshare_snapshot": {
		"it is shared": func(s *standin.State) {
			region(s).Snapshots[standin.SamplePrivateSnapshot].Shared = []string{"777788889999"}
		},
	},
	"aws.ec2.copy_snapshot": {
		"it is deleted": func(s *standin.State) {
			for id := range caseSnapshots(s) {
				delete(region(s).Snapshots, id)
			}
		},
	},
	"aws.ec2.unshare_public_snapshot": {
		"it is public again": func(s *standin.State) { region(s).Snapshots[standin.SamplePublicSnapshot].Shared = []string{"all"} },
		"one has it again": func(s *standin.State) {
			region(s).Snapshots[standin.SamplePublicSnapshot].Shared = []string{"444455556666"}
		},
		"the snapshot is gone": func(s *standin.State) { delete(region(s).Snapshots, standin.SamplePublicSnapshot) },
	},
	"aws.ec2.restore_snapshot_sharing": {
		"it is private": func(s *standin.State) { region(s).Snapshots[standin.SamplePublicSnapshot].Shared = nil },
	},
	"aws.ec2.unshare_public_image": {
		"it is public again": func(s *standin.State) { region(s).Images[standin.SampleImage].Shared = []string{"all"} },
	},
	"aws.ec2.restore_image_sharing": {
		"it is private":     func(s *standin.State) { region(s).Images[standin.SampleImage].Shared = nil },
		"the image is gone": func(s *standin.State) { delete(region(s).Images, standin.SampleImage) },
	},
	"aws.rds.unshare_snapshot": {
		"it is public again": func(s *standin.State) { region(s).DBSnapshots[standin.SampleDBSnapshot].Shared = []string{"all"} },
	},
	"aws.rds.restore_snapshot_sharing": {
		"it is private": func(s *standin.State) { region(s).DBSnapshots[standin.SampleDBSnapshot].Shared = nil },
	},
}

// By default only everybody loses it; from names others.
func TestUnshareFrom(t *testing.T) {
	for name, tc := range map[string]struct{ from, removed, left string }{
		"by default":        {``, `["all"]`, `["444455556666"]`},
		"one":               {`,"from":["444455556666"]`, `["444455556666"]`, `["all"]`},
		"whoever it is":     {`,"from":["*"]`, `["444455556666","all"]`, `[]`},
		"nobody, as undone": {`,"from":[]`, `[]`, `["444455556666","all"]`},
		"one that has none": {`,"from":["777788889999"]`, `[]`, `["444455556666","all"]`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for activity, target := range map[string]string{
				"aws.ec2.unshare_public_snapshot": `"snapshot_id":"snap-0ddd444455556666d"`,
				"aws.ec2.unshare_public_image":    `"image_id":"ami-0abcdef1234567890"`,
				"aws.rds.unshare_snapshot":        `"snapshot":"payments-before-migration"`,
			} {
				out := w.run(t, activity, inSampleRegion+target+tc.from+`}`)
				changed := either(tc.removed == `[]`, "false", "true")
				require.JSONEq(t, `{"removed":`+tc.removed+`,"shared_with":`+tc.left+`,"changed":`+changed+`,"verified":true}`, string(out))
			}
		})
	}
}

// Organizations and their units can start an image, too.
func TestUnshareImageOfAnOrganization(t *testing.T) {
	w := newWorld(t)
	const org, unit = "arn:aws:organizations::111122223333:organization/o-exampleorgid", "arn:aws:organizations::111122223333:ou/o-exampleorgid/ou-ab12-22222222"
	w.Update(func(s *standin.State) { region(s).Images[standin.SampleImage].Shared = []string{org, unit, "all"} })
	start := w.State()
	out := w.run(t, "aws.ec2.unshare_public_image", publicImage)
	require.ElementsMatch(t, []string{org, unit, "all"}, decode[unshareOutput](t, out).Removed)
	undo, input := w.undo(t, "aws.ec2.unshare_public_image", publicImage, out)
	w.run(t, undo, input)
	end := w.State()
	require.ElementsMatch(t, region(&start).Images[standin.SampleImage].Shared, region(&end).Images[standin.SampleImage].Shared)
}

// EC2 cannot share what only the account's own key opens; the preview says so, and what to do.
func TestShareRefused(t *testing.T) {
	w := newWorld(t)
	w.Update(func(s *standin.State) { region(s).Snapshots[standin.SamplePrivateSnapshot].Key = "" })
	_, err := w.attempt(step(t.Context()), t, "aws.ec2.share_snapshot", shareJSON)
	require.Equal(t, "DefaultKey", kindOf(t, err).Kind)
	require.ErrorContains(t, err, "aws.ec2.copy_snapshot")
	_, err = w.lookAt(t, scheduled, "aws.ec2.share_snapshot", shareJSON)
	require.Equal(t, "DefaultKey", kindOf(t, err).Kind)

	for _, with := range []string{standin.SampleAccount, "all", "77778888999"} {
		_, err = w.attempt(step(t.Context()), t, "aws.ec2.share_snapshot", strings.Replace(shareJSON, "777788889999", with, 1))
		require.Equal(t, "BadInput", kindOf(t, err).Kind)
	}
	// A key that KMS does not tell of is EC2's to judge.
	w.Update(func(s *standin.State) {
		region(s).Snapshots[standin.SamplePrivateSnapshot].Key = strings.Replace(sampleKeyARN, "1234", "9999", 1)
	})
	w.run(t, "aws.ec2.share_snapshot", shareJSON)
	require.Equal(t, []string{"ModifySnapshotAttribute"}, w.effects())
}

// The copy of a shared snapshot, made in the account that it was shared with and another region.
func TestCopyOfASharedSnapshot(t *testing.T) {
	w := newWorld(t)
	const theirs = "snap-0123456789abcdef0"
	w.Update(func(s *standin.State) {
		s.Accounts["444455556666"] = &standin.Account{Regions: map[string]*standin.Region{"us-east-1": {Snapshots: map[string]*standin.Snapshot{
			theirs: {State: "completed", Encrypted: true, Key: sampleKeyARN, Shared: []string{standin.SampleAccount}},
		}}}}
	})
	input := strings.NewReplacer(`"region":"us-east-1"`, `"region":"eu-west-1"`, "snap-0ccc444455556666c", theirs).Replace(copyJSON)
	out := w.run(t, "aws.ec2.copy_snapshot", input)
	set := decode[snapshotOutput](t, out).Snapshots
	require.Len(t, set, 1)
	require.Equal(t, "completed", set[0].State)
	state := w.State()
	made := state.Accounts[standin.SampleAccount].Regions["eu-west-1"].Snapshots[set[0].SnapshotID]
	require.True(t, made.Encrypted)
	require.Equal(t, sampleKeyARN, made.Key)
	undo, undoInput := w.undo(t, "aws.ec2.copy_snapshot", input, out)
	w.run(t, undo, undoInput)
	state = w.State()
	require.Empty(t, state.Accounts[standin.SampleAccount].Regions["eu-west-1"].Snapshots)

	_, err := w.attempt(t.Context(), t, "aws.ec2.copy_snapshot", copyJSON)
	require.Equal(t, "NoStep", kindOf(t, err).Kind)
	w.Update(func(s *standin.State) {
		snapshot := region(s).Snapshots[standin.SamplePrivateSnapshot]
		snapshot.State, snapshot.Progress = "pending", "0%"
	})
	_, err = w.attempt(activities.WithInfo(t.Context(), activities.Info{Run: "case-2"}), t, "aws.ec2.copy_snapshot", copyJSON)
	require.Equal(t, "SnapshotNotComplete", kindOf(t, err).Kind)
	require.False(t, kindOf(t, err).Permanent)
}
