variable "name" {
  description = "Name of everything that is made, and the beginning of the bucket's name."
  type        = string
  default     = "golive"
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-central-1"
}

variable "cidr" {
  description = "Addresses of the VPC; deploy/kubernetes/network.yaml names them too."
  type        = string
  default     = "10.40.0.0/16"
}

variable "zones" {
  description = "Availability zones. The nodes that hold .golive run in the first one alone, as its disk does."
  type        = list(string)
  default     = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]

  validation {
    condition     = length(var.zones) >= 2
    error_message = "RDS and EKS need two zones at least."
  }
}

variable "kubernetes_version" {
  description = "Version of EKS."
  type        = string
  default     = "1.33"
}

variable "api_cidrs" {
  description = "Addresses that may reach the Kubernetes API; none by default, so that it is private."
  type        = list(string)
  default     = []
}

variable "node_type" {
  description = "Instance type of the nodes. All pods that share .golive run on one of them."
  type        = string
  default     = "m7g.xlarge"
}

variable "nodes" {
  description = "Nodes: fewest and most."
  type = object({
    min = number
    max = number
  })
  default = {
    min = 1
    max = 3
  }
}

variable "database_type" {
  description = "Instance type of PostgreSQL."
  type        = string
  default     = "db.t4g.small"
}

variable "backup_days" {
  description = "Days that backups of the database and of disks, and old versions in the bucket, are kept."
  type        = number
  default     = 30
}
