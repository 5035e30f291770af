//! Exit statuses, numbered as SOPS numbers them, because scripts depend on them (CLI §6).

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Everything that was asked for has been done.
    Success,
    /// Anything without a number of its own: usage, configuration, metadata, missing keys of a
    /// path, a cancelled edit; also "different" of `diff --exit-code`.
    Generic,
    /// The input is not readable, or is no document of its format.
    CouldNotReadInput,
    /// The target cannot be written; also an unknown help topic.
    CouldNotWriteOutput,
    /// The result cannot be written in the format that was asked for.
    CouldNotDumpTree,
    /// `--encryption-context` is malformed.
    InvalidEncryptionContext,
    /// The path or the value of `set` and `unset` is malformed.
    InvalidSetFormat,
    /// Flags, or rules, that exclude one another.
    ConflictingParameters,
    /// The MAC could not be sealed.
    EncryptingMac,
    /// The document has something that cannot be encrypted.
    EncryptingTree,
    /// A value does not decrypt.
    DecryptingTree,
    /// Keys were to be added to or removed from a file that does not exist.
    CannotChangeKeysOfMissingFile,
    /// The MAC differs, is missing or does not decrypt.
    MacMismatch,
    /// The path of `--extract` is malformed.
    InvalidTreePath,
    /// The input holds no document.
    NeedAtLeastOneDocument,
    /// No file was named, or it does not exist.
    NoFileSpecified,
    /// The same kind of key twice in the decryption order.
    DuplicateDecryptionKeyType,
    /// No master key gave the data key.
    CouldNotRetrieveKey,
    /// The editor changed nothing.
    FileHasNotBeenModified,
    /// There is no editor, or it failed.
    NoEditorFound,
    /// The version in the metadata cannot be compared with ours.
    FailedToCompareVersions,
    /// The input has an entry in the place of the metadata already.
    FileAlreadyEncrypted,
    /// What the command of `exec-env` and `exec-file` ended with, as it is.
    Child(u8),
}

impl Status {
    /// All of them that have a number of their own, for the reference pages.
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
        match self {
            Self::Success => 0,
            Self::Generic => 1,
            Self::CouldNotReadInput => 2,
            Self::CouldNotWriteOutput => 3,
            Self::CouldNotDumpTree => 4,
            Self::InvalidEncryptionContext => 6,
            Self::InvalidSetFormat => 7,
            Self::ConflictingParameters => 8,
            Self::EncryptingMac => 21,
            Self::EncryptingTree => 23,
            Self::DecryptingTree => 25,
            Self::CannotChangeKeysOfMissingFile => 49,
            Self::MacMismatch => 51,
            Self::InvalidTreePath => 91,
            Self::NeedAtLeastOneDocument => 92,
            Self::NoFileSpecified => 100,
            Self::DuplicateDecryptionKeyType => 112,
            Self::CouldNotRetrieveKey => 128,
            Self::FileHasNotBeenModified => 200,
            Self::NoEditorFound => 201,
            Self::FailedToCompareVersions => 202,
            Self::FileAlreadyEncrypted => 203,
            Self::Child(code) => code,
        }
    }

    /// Its name where a program reads it: `--error-format json`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Generic => "generic",
            Self::CouldNotReadInput => "could_not_read_input",
            Self::CouldNotWriteOutput => "could_not_write_output",
            Self::CouldNotDumpTree => "could_not_dump_tree",
            Self::InvalidEncryptionContext => "invalid_encryption_context",
            Self::InvalidSetFormat => "invalid_set_format",
            Self::ConflictingParameters => "conflicting_parameters",
            Self::EncryptingMac => "encrypting_mac",
            Self::EncryptingTree => "encrypting_tree",
            Self::DecryptingTree => "decrypting_tree",
            Self::CannotChangeKeysOfMissingFile => "cannot_change_keys_of_missing_file",
            Self::MacMismatch => "mac_mismatch",
            Self::InvalidTreePath => "invalid_tree_path",
            Self::NeedAtLeastOneDocument => "need_at_least_one_document",
            Self::NoFileSpecified => "no_file_specified",
            Self::DuplicateDecryptionKeyType => "duplicate_decryption_key_type",
            Self::CouldNotRetrieveKey => "could_not_retrieve_key",
            Self::FileHasNotBeenModified => "file_has_not_been_modified",
            Self::NoEditorFound => "no_editor_found",
            Self::FailedToCompareVersions => "failed_to_compare_versions",
            Self::FileAlreadyEncrypted => "file_already_encrypted",
            Self::Child(_) => "child",
        }
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
            Self::Child(_) => "what the command of exec-env or exec-file ended with",
        }
    }
}
