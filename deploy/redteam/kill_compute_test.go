package redteam

const (
	inSampleRegion = `{"account":"111122223333","region":"us-east-1",`
	shareInput     = inSampleRegion + `"snapshot_id":"snap-0ccc444455556666c","with_account":"777788889999"}`
	copyInput      = inSampleRegion + `"source_region":"us-east-1","snapshot_id":"snap-0ccc444455556666c",` +
		`"kms_key":"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"}`
	publicSnapshot = inSampleRegion + `"snapshot_id":"snap-0ddd444455556666d"}`
	publicImage    = inSampleRegion + `"image_id":"ami-0abcdef1234567890"}`
	publicDB       = inSampleRegion + `"snapshot":"payments-before-migration"}`
	targetInput    = inSampleRegion + `"target_id":"i-0abc123def4567890"}`
	addressInput   = inSampleRegion + `"vpc_id":"vpc-0a1b2c3d4e5f67890","address":"198.51.100.7"}`
	standbyInput   = inSampleRegion + `"instance_id":"i-0abc123def4567890","lower_capacity":true}`
)

var computeEffects = []effect{
	{name: "aws.ec2.protect_instance", input: instanceInput, sent: "Action=ModifyInstanceAttribute&"},
	{name: "aws.ec2.unprotect_instance", after: "aws.ec2.protect_instance", input: instanceInput, sent: "Action=ModifyInstanceAttribute&"},
	{name: "aws.ec2.stop_instance", input: instanceInput, sent: "Action=StopInstances&"},
	{name: "aws.ec2.start_instance", after: "aws.ec2.stop_instance", input: instanceInput, sent: "Action=StartInstances&"},
	{name: "aws.ec2.terminate_instance", input: instanceInput, sent: "Action=TerminateInstances&"},
	{name: "aws.ec2.share_snapshot", input: shareInput, sent: "Action=ModifySnapshotAttribute&"},
	{name: "aws.ec2.unshare_snapshot", after: "aws.ec2.share_snapshot", input: shareInput, sent: "Action=ModifySnapshotAttribute&"},
	{name: "aws.ec2.copy_snapshot", input: copyInput, sent: "Action=CopySnapshot&"},
	{name: "aws.ec2.unshare_public_snapshot", input: publicSnapshot, sent: "Action=ModifySnapshotAttribute&"},
	{name: "aws.ec2.restore_snapshot_sharing", after: "aws.ec2.unshare_public_snapshot", input: publicSnapshot, sent: "Action=ModifySnapshotAttribute&"},
	{name: "aws.ec2.unshare_public_image", input: publicImage, sent: "Action=ModifyImageAttribute&"},
	{name: "aws.ec2.restore_image_sharing", after: "aws.ec2.unshare_public_image", input: publicImage, sent: "Action=ModifyImageAttribute&"},
	{name: "aws.rds.unshare_snapshot", input: publicDB, sent: "Action=ModifyDBSnapshotAttribute&"},
	{name: "aws.rds.restore_snapshot_sharing", after: "aws.rds.unshare_snapshot", input: publicDB, sent: "Action=ModifyDBSnapshotAttribute&"},
	{name: "aws.autoscaling.enter_standby", input: standbyInput, sent: "Action=EnterStandby&"},
	{name: "aws.autoscaling.exit_standby", after: "aws.autoscaling.enter_standby", input: standbyInput, sent: "Action=ExitStandby&"},
	{name: "aws.elbv2.deregister_target", input: targetInput, sent: "Action=DeregisterTargets&"},
	{name: "aws.elbv2.register_target", after: "aws.elbv2.deregister_target", input: targetInput, sent: "Action=RegisterTargets&"},
	{name: "aws.ec2.block_address", input: addressInput, sent: "Action=CreateNetworkAclEntry&"},
	{name: "aws.ec2.unblock_address", after: "aws.ec2.block_address", input: addressInput, sent: "Action=DeleteNetworkAclEntry&"},
}
