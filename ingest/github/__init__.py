"""How GitHub's lists are walked, and what its webhooks bring. What it all means is in parse.

options   what golive.toml may say
scope     one repository with where its pull stands; small tools for pages
code      lists of repositories, commits, pull requests, releases
runs      workflow runs with attempts, jobs, logs and artifacts
checks    check runs, commit statuses, deployments
work      issues, milestones, accounts
hooks     webhooks as payloads of the same parsers
"""
