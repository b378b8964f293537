"""What a zone lets all runs that touch it move at one time, on all workers, and the part of it that each run may take."""
