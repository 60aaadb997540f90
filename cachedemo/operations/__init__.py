"""What operators do and look at; the admin, the commands and the tasks are shells over it."""
