# One key for everything at rest: bucket, disks, database, secrets of Kubernetes, backups.

resource "aws_kms_key" "this" {
  description             = "${var.name}: everything at rest"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
