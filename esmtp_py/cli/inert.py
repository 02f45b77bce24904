"""The settings of -O and -o that only mean something to sendmail itself.

They are accepted, so that old callers and scripts keep working, and have no
effect.  Names as in sendmail's operations guide; ``Timeout.queuereturn`` and
the like are known by the part before the dot.
"""

# Long names, and the letter where an option has one.
NAMES: dict[str, str] = dict(
    entry.partition("/")[::2]
    for entry in """
    AliasFile/A AliasWait/a AllowBogusHELO AuthMaxBits AuthMechanisms AuthOptions AuthRealm BadRcptThrottle
    BlankSub/B CACertFile CACertPath CertFingerprintAlgorithm CheckAliases/n CheckpointInterval/C CipherList
    ClassFactor/z ClientCertFile ClientKeyFile ClientPortOptions ClientSSLOptions ColonOkInAddr
    ConnectionCacheSize/k ConnectionCacheTimeout/K ConnectionRateThrottle ConnectionRateWindowSize ConnectOnlyTo
    ControlSocketName CRLFile CRLPath DaemonPortOptions/O DataFileBufferSize DeadLetterDrop DefaultAuthInfo
    DefaultCharSet DefaultUser/u DelayLA DeliverByMin DHParameters DialDelay DirectSubmissionModifiers
    DontBlameSendmail DontExpandCnames DontInitGroups DontProbeInterfaces DontPruneRoutes/R DoubleBounceAddress
    EightBitMode/8 ErrorHeader/E FallbackMXhost/V FallbackSmartHost FastSplit ForkEachJob/Y ForwardPath/J
    HeloName HelpFile/H HoldExpensive/c HostsFile HostStatusDirectory InputMailFilters LDAPDefaultSpec LogLevel/L
    MailboxDatabase MatchGECOS/G MaxAliasRecursion MaxDaemonChildren MaxHeadersLength MaxMessageSize
    MaxMimeHeaderLength MaxNOOPCommands MaxQueueChildren MaxQueueRunSize MaxRecipientsPerMessage
    MaxRunnersPerQueue MeToo/m Milter MinFreeBlocks/b MinQueueAge MustQuoteChars NiceQueueRun NoRecipientAction
    OldStyleHeaders/o OperatorChars PidFile PostmasterCopy/P PrivacyOptions/p ProcessTitlePrefix QueueDirectory/Q
    QueueFactor/q QueueFileMode QueueLA/x QueueSortOrder QueueTimeout RandFile RecipientFactor/y RefuseLA/X
    RejectLogInterval RequiresDirfsync ResolverOptions/I RetryFactor/Z RrtImpliesDsn RunAsUser
    SafeFileEnvironment SaveFromLine/f SendMimeErrors/j ServerCertFile ServerKeyFile ServerSSLOptions
    ServiceSwitchFile SevenBitInput/7 SharedMemoryKey SharedMemoryKeyFile SingleLineFromHeader
    SingleThreadDelivery SmtpGreetingMessage SMTPUTF8 SoftBounce SSLEngine SSLEnginePath StatusFile/S SuperSafe/s
    TempFileMode/F Timeout/r TimeZoneSpec/t TLSFallbacktoClear TLSSrvOptions TrustedUser TryNullMXList/w
    UnixFromLine UnsafeGroupWrites UseCompressedIPv6Addresses UseErrorsTo/l UseMSP UserDatabaseSpec/U
    XscriptFileBufferSize
    """.split()  # noqa: SIM905 - a list of quoted names would fill a screen
)

# Letters of old options that have no long name any more.
LETTERS = {"g": "DefaultUser", "D": "AutoRebuildAliases", "M": "Macro", "N": "NetworkName", "T": "QueueTimeout"}

# They are switches: true without a value.
_SWITCHES = frozenset(
    """
    allowbogushelo checkaliases colonokinaddr dontexpandcnames dontinitgroups dontpruneroutes fastsplit forkeachjob
    holdexpensive matchgecos metoo oldstyleheaders rrtimpliesdsn savefromline sendmimeerrors sevenbitinput
    singlelinefromheader singlethreaddelivery smtputf8 softbounce supersafe tlsfallbacktoclear trynullmxlist
    unsafegroupwrites usecompressedipv6addresses useerrorsto usemsp autorebuildaliases
    """.split()  # noqa: SIM905 - a list of quoted names would fill a screen
)

_LONG = {name.lower() for name in NAMES}
_BY_LETTER = {letter: name for name, letter in NAMES.items() if letter} | LETTERS


def long_needs_value(name: str) -> "bool | None":
    """Whether the setting of this long name takes a value; None: no such setting."""
    family = name.lower().partition(".")[0]
    return family not in _SWITCHES if family in _LONG else None


def letter_needs_value(letter: str) -> "bool | None":
    """The same for the letter of -o."""
    return _BY_LETTER[letter].lower() not in _SWITCHES if letter in _BY_LETTER else None
