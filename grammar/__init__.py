"""The rc languages: PLY token and rule modules, and what turns them into tables.

``esmtprc`` is the language of ~/.esmtprc.  ``python -m esmtp_py.grammar``
compiles it to esmtp_py/config/_esmtprc_tables.py, which is committed and is
all an ordinary mail needs.  ``corpus/LANGUAGE/{accept,reject}`` says by
example what each language means.
"""
