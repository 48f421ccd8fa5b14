"""The live half: what the threads of the process do, looked at as they run."""
