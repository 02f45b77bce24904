"""The calls of the Linux kernel that touch files and sockets, and how to read their arguments (x86-64)."""

# How the arguments say what a call is about.
FD, PATH, AT, TWO_PATHS, TWO_AT, NOTHING = "fd", "path", "at", "two paths", "two at", "nothing"

# number: (name, what its arguments are)
CALLS: dict[int, tuple[str, str]] = {
    0: ("read", FD),
    1: ("write", FD),
    2: ("open", PATH),
    3: ("close", FD),
    4: ("stat", PATH),
    5: ("fstat", FD),
    6: ("lstat", PATH),
    17: ("pread64", FD),
    18: ("pwrite64", FD),
    19: ("readv", FD),
    20: ("writev", FD),
    21: ("access", PATH),
    22: ("pipe", NOTHING),
    40: ("sendfile", FD),
    41: ("socket", NOTHING),
    42: ("connect", FD),
    43: ("accept", FD),
    44: ("sendto", FD),
    45: ("recvfrom", FD),
    46: ("sendmsg", FD),
    47: ("recvmsg", FD),
    48: ("shutdown", FD),
    49: ("bind", FD),
    50: ("listen", FD),
    56: ("clone", NOTHING),
    57: ("fork", NOTHING),
    58: ("vfork", NOTHING),
    59: ("execve", PATH),
    73: ("flock", FD),
    74: ("fsync", FD),
    75: ("fdatasync", FD),
    76: ("truncate", PATH),
    77: ("ftruncate", FD),
    80: ("chdir", PATH),
    81: ("fchdir", FD),
    82: ("rename", TWO_PATHS),
    83: ("mkdir", PATH),
    84: ("rmdir", PATH),
    85: ("creat", PATH),
    86: ("link", TWO_PATHS),
    87: ("unlink", PATH),
    88: ("symlink", TWO_PATHS),
    89: ("readlink", PATH),
    90: ("chmod", PATH),
    91: ("fchmod", FD),
    162: ("sync", NOTHING),
    217: ("getdents64", FD),
    231: ("exit_group", NOTHING),
    257: ("openat", AT),
    258: ("mkdirat", AT),
    262: ("newfstatat", AT),
    263: ("unlinkat", AT),
    264: ("renameat", TWO_AT),
    265: ("linkat", TWO_AT),
    267: ("readlinkat", AT),
    268: ("fchmodat", AT),
    269: ("faccessat", AT),
    275: ("splice", FD),
    280: ("utimensat", AT),
    285: ("fallocate", FD),
    288: ("accept4", FD),
    293: ("pipe2", NOTHING),
    295: ("preadv", FD),
    296: ("pwritev", FD),
    306: ("syncfs", FD),
    316: ("renameat2", TWO_AT),
    326: ("copy_file_range", FD),
    332: ("statx", AT),
    435: ("clone3", NOTHING),
    437: ("openat2", AT),
    439: ("faccessat2", AT),
}

NAMES = {name for name, _ in CALLS.values()}
FORKS = {"clone", "clone3", "fork", "vfork"}
OPENS = {"open", "openat", "openat2", "creat", "pipe", "pipe2", "socket", "accept", "accept4"}
READS = {"read", "pread64", "readv", "preadv", "recvfrom", "recvmsg", "getdents64"}
WRITES = {"write", "pwrite64", "writev", "pwritev", "sendto", "sendmsg", "sendfile", "splice", "copy_file_range"}
SYNCS = {"fsync", "fdatasync", "sync", "syncfs"}
# a count that can be lowered is their third argument
SHORTENED = {"write", "pwrite64", "read", "pread64", "sendto", "recvfrom"}
RENAMES = {"rename", "renameat", "renameat2"}
MAKES = RENAMES | {"link", "linkat", "symlink", "mkdir", "mkdirat"}
REMOVES = {"unlink", "unlinkat", "rmdir"}
LOOKS = {"stat", "fstat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat"}
OTHERS = {"flock", "ftruncate", "truncate", "utimensat", "fchmod", "chmod", "fallocate", "close", "chdir", "fchdir"}
TALKS = {"connect", "bind", "listen", "shutdown"}
