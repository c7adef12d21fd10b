output "cluster_name" {
  description = "aws eks update-kubeconfig --name ..."
  value       = aws_eks_cluster.this.name
}

output "lake_location" {
  description = "For [lake] location in golive.toml."
  value       = "s3://${aws_s3_bucket.lake.bucket}/lake"
}

output "lake_role_arn" {
  description = "For the annotation of the service account in deploy/kubernetes/access.yaml."
  value       = aws_iam_role.lake.arn
}

output "database_address" {
  description = "Where PostgreSQL listens."
  value       = aws_db_instance.this.address
}

output "database_secret_arn" {
  description = "The secret with the database's password."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}
