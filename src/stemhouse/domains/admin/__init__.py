"""What operators see and do: jobs, accounts, storage, errors and takedowns of their sites."""
