from esmtp_py.config.foreign.here import Here

HERE = Here(login="alice", host="box.here.org", mailname="mail.here.org", home="/home/alice")
