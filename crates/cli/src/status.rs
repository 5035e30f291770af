//! Exit statuses, numbered as SOPS numbers them, because scripts depend on them (CLI §6).

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    /// Everything that was asked for has been done.
    Success = 0,
    /// Anything without a number of its own: usage, configuration, metadata, missing keys of a
    /// path, a cancelled edit; also "different" of `diff --exit-code`.
    Generic = 1,
    /// The input is not readable, or is no document of its format.
    CouldNotReadInput = 2,
    /// The target cannot be written; also an unknown help topic.
    CouldNotWriteOutput = 3,
    /// The result cannot be written in the format that was asked for.
    CouldNotDumpTree = 4,
    /// `--encryption-context` is malformed.
    InvalidEncryptionContext = 6,
    /// The path or the value of `set` and `unset` is malformed.
    InvalidSetFormat = 7,
    /// Flags, or rules, that exclude one another.
    ConflictingParameters = 8,
    /// The MAC could not be sealed.
    EncryptingMac = 21,
    /// The document has something that cannot be encrypted.
    EncryptingTree = 23,
    /// A value does not decrypt.
    DecryptingTree = 25,
    /// Keys were to be added to or removed from a file that does not exist.
    CannotChangeKeysOfMissingFile = 49,
    /// The MAC differs, is missing or does not decrypt.
    MacMismatch = 51,
    /// The path of `--extract` is malformed.
    InvalidTreePath = 91,
    /// The input holds no document.
    NeedAtLeastOneDocument = 92,
    /// No file was named, or it does not exist.
    NoFileSpecified = 100,
    /// The same kind of key twice in the decryption order.
    DuplicateDecryptionKeyType = 112,
    /// No master key gave the data key.
    CouldNotRetrieveKey = 128,
    /// The editor changed nothing.
    FileHasNotBeenModified = 200,
    /// There is no editor, or it failed.
    NoEditorFound = 201,
    /// The version in the metadata cannot be compared with ours.
    FailedToCompareVersions = 202,
    /// The input has an entry in the place of the metadata already.
    FileAlreadyEncrypted = 203,
}

impl Status {
    /// All of them, for the reference pages.
    pub(crate) const ALL: [Self; 22] = [
        Self::Success,
        Self::Generic,
        Self::CouldNotReadInput,
        Self::CouldNotWriteOutput,
        Self::CouldNotDumpTree,
        Self::InvalidEncryptionContext,
        Self::InvalidSetFormat,
        Self::ConflictingParameters,
        Self::EncryptingMac,
        Self::EncryptingTree,
        Self::DecryptingTree,
        Self::CannotChangeKeysOfMissingFile,
        Self::MacMismatch,
        Self::InvalidTreePath,
        Self::NeedAtLeastOneDocument,
        Self::NoFileSpecified,
        Self::DuplicateDecryptionKeyType,
        Self::CouldNotRetrieveKey,
        Self::FileHasNotBeenModified,
        Self::NoEditorFound,
        Self::FailedToCompareVersions,
        Self::FileAlreadyEncrypted,
    ];

    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// When it is given, in a few words for the reference pages.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Success => {
                "success; also a file that is not encrypted (filestatus), or has nothing to do"
            }
            Self::Generic => {
                "usage, configuration or metadata errors; a difference (diff --exit-code)"
            }
            Self::CouldNotReadInput => "the input is not readable, or breaks its format",
            Self::CouldNotWriteOutput => "the target cannot be written; an unknown help topic",
            Self::CouldNotDumpTree => "the result does not fit into the output format",
            Self::InvalidEncryptionContext => "a malformed --encryption-context",
            Self::InvalidSetFormat => "a malformed path or value of set and unset",
            Self::ConflictingParameters => "flags or rules that exclude one another",
            Self::EncryptingMac => "the MAC cannot be encrypted",
            Self::EncryptingTree => "the document has something that cannot be encrypted",
            Self::DecryptingTree => "a value does not decrypt",
            Self::CannotChangeKeysOfMissingFile => "keys to add to or remove from a missing file",
            Self::MacMismatch => "the MAC differs, is missing or does not decrypt",
            Self::InvalidTreePath => "a malformed --extract path",
            Self::NeedAtLeastOneDocument => "the input holds no document",
            Self::NoFileSpecified => "no file was named, or it does not exist",
            Self::DuplicateDecryptionKeyType => "a kind of key twice in --decryption-order",
            Self::CouldNotRetrieveKey => "no master key gave the data key",
            Self::FileHasNotBeenModified => "nothing was changed in the editor",
            Self::NoEditorFound => "there is no editor, or it failed",
            Self::FailedToCompareVersions => "the version in the metadata is not comparable",
            Self::FileAlreadyEncrypted => "the input is encrypted already",
        }
    }
}
