
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'sops-rs' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'sops-rs'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'sops-rs' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('encrypt', 'encrypt', [CompletionResultType]::ParameterValue, 'Encrypt a file')
            [CompletionResult]::new('seal', 'seal', [CompletionResultType]::ParameterValue, 'Make an encrypted SopsSecret of Kubernetes Secrets')
            [CompletionResult]::new('decrypt', 'decrypt', [CompletionResultType]::ParameterValue, 'Decrypt a file, or one value of it')
            [CompletionResult]::new('edit', 'edit', [CompletionResultType]::ParameterValue, 'Edit an encrypted file in your editor')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Set one value of an encrypted file')
            [CompletionResult]::new('unset', 'unset', [CompletionResultType]::ParameterValue, 'Remove one value from an encrypted file')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Encrypt a file with a new data key; add or remove master keys')
            [CompletionResult]::new('updatekeys', 'updatekeys', [CompletionResultType]::ParameterValue, 'Bring the master keys of files in line with .sops.yaml')
            [CompletionResult]::new('filestatus', 'filestatus', [CompletionResultType]::ParameterValue, 'Tell whether a file is encrypted')
            [CompletionResult]::new('diff', 'diff', [CompletionResultType]::ParameterValue, 'Show what changed between two versions of an encrypted file')
            [CompletionResult]::new('completion', 'completion', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page of the program, or of a command')
            [CompletionResult]::new('__generate', '__generate', [CompletionResultType]::ParameterValue, 'Write completions, man pages, the schema of .sops.yaml and reference pages into a folder')
            [CompletionResult]::new('__paths', '__paths', [CompletionResultType]::ParameterValue, 'Print the key paths of a file that begin like a text')
            break
        }
        'sops-rs;encrypt' {
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file')
            [CompletionResult]::new('--filename-override', '--filename-override', [CompletionResultType]::ParameterName, 'Use this name to choose the format and the creation rule')
            [CompletionResult]::new('--input-type', '--input-type', [CompletionResultType]::ParameterName, 'Format of the input')
            [CompletionResult]::new('--output-type', '--output-type', [CompletionResultType]::ParameterName, 'Format of the output')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …')
            [CompletionResult]::new('--age', '--age', [CompletionResultType]::ParameterName, 'age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role')
            [CompletionResult]::new('--kms', '--kms', [CompletionResultType]::ParameterName, 'AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role')
            [CompletionResult]::new('--aws-profile', '--aws-profile', [CompletionResultType]::ParameterName, 'AWS profile that is stored with the AWS KMS keys')
            [CompletionResult]::new('--encryption-context', '--encryption-context', [CompletionResultType]::ParameterName, 'Encryption context of AWS KMS keys: key:value pairs, separated by commas')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'OpenPGP fingerprints, separated by commas')
            [CompletionResult]::new('--pgp', '--pgp', [CompletionResultType]::ParameterName, 'OpenPGP fingerprints, separated by commas')
            [CompletionResult]::new('--gcp-kms', '--gcp-kms', [CompletionResultType]::ParameterName, 'Google Cloud KMS resource ids, separated by commas')
            [CompletionResult]::new('--azure-kv', '--azure-kv', [CompletionResultType]::ParameterName, 'Azure Key Vault key URLs, separated by commas')
            [CompletionResult]::new('--hc-vault-transit', '--hc-vault-transit', [CompletionResultType]::ParameterName, 'HashiCorp Vault transit key URIs, separated by commas')
            [CompletionResult]::new('--hckms', '--hckms', [CompletionResultType]::ParameterName, 'HuaweiCloud KMS keys (region:uuid), separated by commas')
            [CompletionResult]::new('--shamir-secret-sharing-threshold', '--shamir-secret-sharing-threshold', [CompletionResultType]::ParameterName, 'How many key groups are needed to decrypt (all of them, unless given)')
            [CompletionResult]::new('--encrypted-regex', '--encrypted-regex', [CompletionResultType]::ParameterName, 'Encrypt only values below keys that match this regular expression (Go RE2)')
            [CompletionResult]::new('--unencrypted-regex', '--unencrypted-regex', [CompletionResultType]::ParameterName, 'Encrypt all but values below keys that match this regular expression')
            [CompletionResult]::new('--encrypted-suffix', '--encrypted-suffix', [CompletionResultType]::ParameterName, 'Encrypt only values below keys that end like this')
            [CompletionResult]::new('--unencrypted-suffix', '--unencrypted-suffix', [CompletionResultType]::ParameterName, 'Encrypt all but values below keys that end like this')
            [CompletionResult]::new('--encrypted-comment-regex', '--encrypted-comment-regex', [CompletionResultType]::ParameterName, 'Encrypt only values whose comment matches this regular expression')
            [CompletionResult]::new('--unencrypted-comment-regex', '--unencrypted-comment-regex', [CompletionResultType]::ParameterName, 'Encrypt all but values whose comment matches this regular expression')
            [CompletionResult]::new('--enable-local-keyservice', '--enable-local-keyservice', [CompletionResultType]::ParameterName, 'Use the keys of this machine and its cloud credentials (default: true)')
            [CompletionResult]::new('--keyservice', '--keyservice', [CompletionResultType]::ParameterName, 'A key service on another machine, as scheme://address; may be repeated')
            [CompletionResult]::new('--decryption-order', '--decryption-order', [CompletionResultType]::ParameterName, 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--canonical', '--canonical', [CompletionResultType]::ParameterName, 'Bring a SopsSecret into the form in which an operator can verify its MAC, also one that is encrypted already')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Replace the file itself; on every failure it stays as it was')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Replace the file itself; on every failure it stays as it was')
            [CompletionResult]::new('--mac-only-encrypted', '--mac-only-encrypted', [CompletionResultType]::ParameterName, 'Protect only encrypted values by the MAC, so that the others can be edited freely')
            [CompletionResult]::new('--allow-nothing-encrypted', '--allow-nothing-encrypted', [CompletionResultType]::ParameterName, 'Go on when the rule selects none of the values')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;seal' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file, in place of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file, in place of standard output')
            [CompletionResult]::new('--filename-override', '--filename-override', [CompletionResultType]::ParameterName, 'Use this name to choose the format of the output and the creation rule')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'Name of the SopsSecret (default: that of the first Secret)')
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'Namespace of the SopsSecret (default: that of the Secrets)')
            [CompletionResult]::new('--namespace', '--namespace', [CompletionResultType]::ParameterName, 'Namespace of the SopsSecret (default: that of the Secrets)')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …')
            [CompletionResult]::new('--age', '--age', [CompletionResultType]::ParameterName, 'age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role')
            [CompletionResult]::new('--kms', '--kms', [CompletionResultType]::ParameterName, 'AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role')
            [CompletionResult]::new('--aws-profile', '--aws-profile', [CompletionResultType]::ParameterName, 'AWS profile that is stored with the AWS KMS keys')
            [CompletionResult]::new('--encryption-context', '--encryption-context', [CompletionResultType]::ParameterName, 'Encryption context of AWS KMS keys: key:value pairs, separated by commas')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'OpenPGP fingerprints, separated by commas')
            [CompletionResult]::new('--pgp', '--pgp', [CompletionResultType]::ParameterName, 'OpenPGP fingerprints, separated by commas')
            [CompletionResult]::new('--gcp-kms', '--gcp-kms', [CompletionResultType]::ParameterName, 'Google Cloud KMS resource ids, separated by commas')
            [CompletionResult]::new('--azure-kv', '--azure-kv', [CompletionResultType]::ParameterName, 'Azure Key Vault key URLs, separated by commas')
            [CompletionResult]::new('--hc-vault-transit', '--hc-vault-transit', [CompletionResultType]::ParameterName, 'HashiCorp Vault transit key URIs, separated by commas')
            [CompletionResult]::new('--hckms', '--hckms', [CompletionResultType]::ParameterName, 'HuaweiCloud KMS keys (region:uuid), separated by commas')
            [CompletionResult]::new('--shamir-secret-sharing-threshold', '--shamir-secret-sharing-threshold', [CompletionResultType]::ParameterName, 'How many key groups are needed to decrypt (all of them, unless given)')
            [CompletionResult]::new('--enable-local-keyservice', '--enable-local-keyservice', [CompletionResultType]::ParameterName, 'Use the keys of this machine and its cloud credentials (default: true)')
            [CompletionResult]::new('--keyservice', '--keyservice', [CompletionResultType]::ParameterName, 'A key service on another machine, as scheme://address; may be repeated')
            [CompletionResult]::new('--decryption-order', '--decryption-order', [CompletionResultType]::ParameterName, 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;decrypt' {
            [CompletionResult]::new('--extract', '--extract', [CompletionResultType]::ParameterName, 'Print only what stands at this path, such as ["db"]["hosts"][0]')
            [CompletionResult]::new('--document', '--document', [CompletionResultType]::ParameterName, 'Which document of a YAML file that has several, from 1 (default: the first)')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file')
            [CompletionResult]::new('--filename-override', '--filename-override', [CompletionResultType]::ParameterName, 'Use this name to choose the format and the creation rule')
            [CompletionResult]::new('--input-type', '--input-type', [CompletionResultType]::ParameterName, 'Format of the input')
            [CompletionResult]::new('--output-type', '--output-type', [CompletionResultType]::ParameterName, 'Format of the output')
            [CompletionResult]::new('--enable-local-keyservice', '--enable-local-keyservice', [CompletionResultType]::ParameterName, 'Use the keys of this machine and its cloud credentials (default: true)')
            [CompletionResult]::new('--keyservice', '--keyservice', [CompletionResultType]::ParameterName, 'A key service on another machine, as scheme://address; may be repeated')
            [CompletionResult]::new('--decryption-order', '--decryption-order', [CompletionResultType]::ParameterName, 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--ignore-mac', '--ignore-mac', [CompletionResultType]::ParameterName, 'Go on when the MAC does not match, with what cannot be trusted')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Replace the file itself; on every failure it stays as it was')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Replace the file itself; on every failure it stays as it was')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;edit' {
            [CompletionResult]::new('--input-type', '--input-type', [CompletionResultType]::ParameterName, 'Format of the input')
            [CompletionResult]::new('--output-type', '--output-type', [CompletionResultType]::ParameterName, 'Format of the output')
            [CompletionResult]::new('-a', '-a', [CompletionResultType]::ParameterName, 'age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …')
            [CompletionResult]::new('--age', '--age', [CompletionResultType]::ParameterName, 'age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …')
            [CompletionResult]::new('-k', '-k', [CompletionResultType]::ParameterName, 'AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role')
            [CompletionResult]::new('--kms', '--kms', [CompletionResultType]::ParameterName, 'AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role')
            [CompletionResult]::new('--aws-profile', '--aws-profile', [CompletionResultType]::ParameterName, 'AWS profile that is stored with the AWS KMS keys')
            [CompletionResult]::new('--encryption-context', '--encryption-context', [CompletionResultType]::ParameterName, 'Encryption context of AWS KMS keys: key:value pairs, separated by commas')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'OpenPGP fingerprints, separated by commas')
            [CompletionResult]::new('--pgp', '--pgp', [CompletionResultType]::ParameterName, 'OpenPGP fingerprints, separated by commas')
            [CompletionResult]::new('--gcp-kms', '--gcp-kms', [CompletionResultType]::ParameterName, 'Google Cloud KMS resource ids, separated by commas')
            [CompletionResult]::new('--azure-kv', '--azure-kv', [CompletionResultType]::ParameterName, 'Azure Key Vault key URLs, separated by commas')
            [CompletionResult]::new('--hc-vault-transit', '--hc-vault-transit', [CompletionResultType]::ParameterName, 'HashiCorp Vault transit key URIs, separated by commas')
            [CompletionResult]::new('--hckms', '--hckms', [CompletionResultType]::ParameterName, 'HuaweiCloud KMS keys (region:uuid), separated by commas')
            [CompletionResult]::new('--shamir-secret-sharing-threshold', '--shamir-secret-sharing-threshold', [CompletionResultType]::ParameterName, 'How many key groups are needed to decrypt (all of them, unless given)')
            [CompletionResult]::new('--encrypted-regex', '--encrypted-regex', [CompletionResultType]::ParameterName, 'Encrypt only values below keys that match this regular expression (Go RE2)')
            [CompletionResult]::new('--unencrypted-regex', '--unencrypted-regex', [CompletionResultType]::ParameterName, 'Encrypt all but values below keys that match this regular expression')
            [CompletionResult]::new('--encrypted-suffix', '--encrypted-suffix', [CompletionResultType]::ParameterName, 'Encrypt only values below keys that end like this')
            [CompletionResult]::new('--unencrypted-suffix', '--unencrypted-suffix', [CompletionResultType]::ParameterName, 'Encrypt all but values below keys that end like this')
            [CompletionResult]::new('--encrypted-comment-regex', '--encrypted-comment-regex', [CompletionResultType]::ParameterName, 'Encrypt only values whose comment matches this regular expression')
            [CompletionResult]::new('--unencrypted-comment-regex', '--unencrypted-comment-regex', [CompletionResultType]::ParameterName, 'Encrypt all but values whose comment matches this regular expression')
            [CompletionResult]::new('--enable-local-keyservice', '--enable-local-keyservice', [CompletionResultType]::ParameterName, 'Use the keys of this machine and its cloud credentials (default: true)')
            [CompletionResult]::new('--keyservice', '--keyservice', [CompletionResultType]::ParameterName, 'A key service on another machine, as scheme://address; may be repeated')
            [CompletionResult]::new('--decryption-order', '--decryption-order', [CompletionResultType]::ParameterName, 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Show the metadata too; changes of it count as well')
            [CompletionResult]::new('--show-master-keys', '--show-master-keys', [CompletionResultType]::ParameterName, 'Show the metadata too; changes of it count as well')
            [CompletionResult]::new('--ignore-mac', '--ignore-mac', [CompletionResultType]::ParameterName, 'Open the file although its MAC does not match; saving makes a new one')
            [CompletionResult]::new('--mac-only-encrypted', '--mac-only-encrypted', [CompletionResultType]::ParameterName, 'Protect only encrypted values by the MAC, so that the others can be edited freely')
            [CompletionResult]::new('--allow-nothing-encrypted', '--allow-nothing-encrypted', [CompletionResultType]::ParameterName, 'Go on when the rule selects none of the values')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;set' {
            [CompletionResult]::new('--shamir-secret-sharing-threshold', '--shamir-secret-sharing-threshold', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS, without effect there as well')
            [CompletionResult]::new('--document', '--document', [CompletionResultType]::ParameterName, 'Which document of a YAML file that has several, from 1 (default: the first)')
            [CompletionResult]::new('--input-type', '--input-type', [CompletionResultType]::ParameterName, 'Format of the input')
            [CompletionResult]::new('--output-type', '--output-type', [CompletionResultType]::ParameterName, 'Format of the output')
            [CompletionResult]::new('--enable-local-keyservice', '--enable-local-keyservice', [CompletionResultType]::ParameterName, 'Use the keys of this machine and its cloud credentials (default: true)')
            [CompletionResult]::new('--keyservice', '--keyservice', [CompletionResultType]::ParameterName, 'A key service on another machine, as scheme://address; may be repeated')
            [CompletionResult]::new('--decryption-order', '--decryption-order', [CompletionResultType]::ParameterName, 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--value-file', '--value-file', [CompletionResultType]::ParameterName, 'The third word is the name of a file that holds the value')
            [CompletionResult]::new('--value-stdin', '--value-stdin', [CompletionResultType]::ParameterName, 'Read the value from standard input')
            [CompletionResult]::new('--idempotent', '--idempotent', [CompletionResultType]::ParameterName, 'Write nothing if the value is the same already')
            [CompletionResult]::new('--ignore-mac', '--ignore-mac', [CompletionResultType]::ParameterName, 'Open the file although its MAC does not match; writing makes a new one')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;unset' {
            [CompletionResult]::new('--shamir-secret-sharing-threshold', '--shamir-secret-sharing-threshold', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS, without effect there as well')
            [CompletionResult]::new('--document', '--document', [CompletionResultType]::ParameterName, 'Which document of a YAML file that has several, from 1 (default: the first)')
            [CompletionResult]::new('--input-type', '--input-type', [CompletionResultType]::ParameterName, 'Format of the input')
            [CompletionResult]::new('--output-type', '--output-type', [CompletionResultType]::ParameterName, 'Format of the output')
            [CompletionResult]::new('--enable-local-keyservice', '--enable-local-keyservice', [CompletionResultType]::ParameterName, 'Use the keys of this machine and its cloud credentials (default: true)')
            [CompletionResult]::new('--keyservice', '--keyservice', [CompletionResultType]::ParameterName, 'A key service on another machine, as scheme://address; may be repeated')
            [CompletionResult]::new('--decryption-order', '--decryption-order', [CompletionResultType]::ParameterName, 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--idempotent', '--idempotent', [CompletionResultType]::ParameterName, 'No error if there is nothing at PATH')
            [CompletionResult]::new('--ignore-mac', '--ignore-mac', [CompletionResultType]::ParameterName, 'Open the file although its MAC does not match; writing makes a new one')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;rotate' {
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file')
            [CompletionResult]::new('--filename-override', '--filename-override', [CompletionResultType]::ParameterName, 'Use this name to choose the format and the creation rule')
            [CompletionResult]::new('--input-type', '--input-type', [CompletionResultType]::ParameterName, 'Format of the input')
            [CompletionResult]::new('--output-type', '--output-type', [CompletionResultType]::ParameterName, 'Format of the output')
            [CompletionResult]::new('--add-age', '--add-age', [CompletionResultType]::ParameterName, 'Add these age recipients')
            [CompletionResult]::new('--rm-age', '--rm-age', [CompletionResultType]::ParameterName, 'Remove these age recipients')
            [CompletionResult]::new('--add-kms', '--add-kms', [CompletionResultType]::ParameterName, 'Add these AWS KMS keys')
            [CompletionResult]::new('--rm-kms', '--rm-kms', [CompletionResultType]::ParameterName, 'Remove these AWS KMS keys')
            [CompletionResult]::new('--encryption-context', '--encryption-context', [CompletionResultType]::ParameterName, 'Encryption context of the AWS KMS keys to add or remove')
            [CompletionResult]::new('--add-pgp', '--add-pgp', [CompletionResultType]::ParameterName, 'Add these OpenPGP keys')
            [CompletionResult]::new('--rm-pgp', '--rm-pgp', [CompletionResultType]::ParameterName, 'Remove these OpenPGP keys')
            [CompletionResult]::new('--add-gcp-kms', '--add-gcp-kms', [CompletionResultType]::ParameterName, 'Add these Google Cloud KMS keys')
            [CompletionResult]::new('--rm-gcp-kms', '--rm-gcp-kms', [CompletionResultType]::ParameterName, 'Remove these Google Cloud KMS keys')
            [CompletionResult]::new('--add-azure-kv', '--add-azure-kv', [CompletionResultType]::ParameterName, 'Add these Azure Key Vault keys')
            [CompletionResult]::new('--rm-azure-kv', '--rm-azure-kv', [CompletionResultType]::ParameterName, 'Remove these Azure Key Vault keys')
            [CompletionResult]::new('--add-hc-vault-transit', '--add-hc-vault-transit', [CompletionResultType]::ParameterName, 'Add these HashiCorp Vault transit keys')
            [CompletionResult]::new('--rm-hc-vault-transit', '--rm-hc-vault-transit', [CompletionResultType]::ParameterName, 'Remove these HashiCorp Vault transit keys')
            [CompletionResult]::new('--add-hckms', '--add-hckms', [CompletionResultType]::ParameterName, 'Add these HuaweiCloud KMS keys')
            [CompletionResult]::new('--rm-hckms', '--rm-hckms', [CompletionResultType]::ParameterName, 'Remove these HuaweiCloud KMS keys')
            [CompletionResult]::new('--enable-local-keyservice', '--enable-local-keyservice', [CompletionResultType]::ParameterName, 'Use the keys of this machine and its cloud credentials (default: true)')
            [CompletionResult]::new('--keyservice', '--keyservice', [CompletionResultType]::ParameterName, 'A key service on another machine, as scheme://address; may be repeated')
            [CompletionResult]::new('--decryption-order', '--decryption-order', [CompletionResultType]::ParameterName, 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--ignore-mac', '--ignore-mac', [CompletionResultType]::ParameterName, 'Go on when the MAC does not match; the new file gets one that does')
            [CompletionResult]::new('-i', '-i', [CompletionResultType]::ParameterName, 'Replace the file itself; on every failure it stays as it was')
            [CompletionResult]::new('--in-place', '--in-place', [CompletionResultType]::ParameterName, 'Replace the file itself; on every failure it stays as it was')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;updatekeys' {
            [CompletionResult]::new('--input-type', '--input-type', [CompletionResultType]::ParameterName, 'Format of the files')
            [CompletionResult]::new('--enable-local-keyservice', '--enable-local-keyservice', [CompletionResultType]::ParameterName, 'Use the keys of this machine and its cloud credentials (default: true)')
            [CompletionResult]::new('--keyservice', '--keyservice', [CompletionResultType]::ParameterName, 'A key service on another machine, as scheme://address; may be repeated')
            [CompletionResult]::new('--decryption-order', '--decryption-order', [CompletionResultType]::ParameterName, 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object per file instead of text')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;filestatus' {
            [CompletionResult]::new('--input-type', '--input-type', [CompletionResultType]::ParameterName, 'Format of the file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Say more about the file: format, version, date, master keys, rule')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;diff' {
            [CompletionResult]::new('--rev', '--rev', [CompletionResultType]::ParameterName, 'The revision to compare FILE with')
            [CompletionResult]::new('--input-type', '--input-type', [CompletionResultType]::ParameterName, 'Format of the files')
            [CompletionResult]::new('--enable-local-keyservice', '--enable-local-keyservice', [CompletionResultType]::ParameterName, 'Use the keys of this machine and its cloud credentials (default: true)')
            [CompletionResult]::new('--keyservice', '--keyservice', [CompletionResultType]::ParameterName, 'A key service on another machine, as scheme://address; may be repeated')
            [CompletionResult]::new('--decryption-order', '--decryption-order', [CompletionResultType]::ParameterName, 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--show-values', '--show-values', [CompletionResultType]::ParameterName, 'Show the plaintext of both sides as a unified diff; needs keys of both')
            [CompletionResult]::new('--no-keys', '--no-keys', [CompletionResultType]::ParameterName, 'Use no key at all, not even one that lies on this machine')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON instead of text')
            [CompletionResult]::new('--exit-code', '--exit-code', [CompletionResultType]::ParameterName, 'Exit with 1 if there is a difference')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;completion' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'sops-rs;man' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sops-rs;__generate' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'sops-rs;__paths' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Use this configuration file instead of the nearest .sops.yaml above the current folder')
            [CompletionResult]::new('--indent', '--indent', [CompletionResultType]::ParameterName, 'Blanks per level where new text is laid out; text that was there keeps its own')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Say on standard error which configuration, rule and keys are used, and what is written')
            [CompletionResult]::new('--disable-version-check', '--disable-version-check', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('--check-for-updates', '--check-for-updates', [CompletionResultType]::ParameterName, 'Accepted for scripts written for SOPS; there is no version check')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
