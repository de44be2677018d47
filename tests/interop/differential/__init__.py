"""Apache's mqadmin beside ours on one cluster: the table of commands, how their answers are read, and the cluster they run on."""
