def as_command(r,s): return "mmtseg batch"
