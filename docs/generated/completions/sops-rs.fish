# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_sops_rs_global_optspecs
    string join \n config= indent= verbose error-format= disable-version-check check-for-updates h/help
end

function __fish_sops_rs_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_sops_rs_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_sops_rs_using_subcommand
    set -l cmd (__fish_sops_rs_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c sops-rs -n "__fish_sops_rs_needs_command" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_needs_command" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_needs_command" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_needs_command" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "encrypt" -d 'Encrypt a file'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "seal" -d 'Make an encrypted SopsSecret of Kubernetes Secrets'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "decrypt" -d 'Decrypt a file, or one value of it'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "edit" -d 'Edit an encrypted file in your editor'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "set" -d 'Set one value of an encrypted file'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "unset" -d 'Remove one value from an encrypted file'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "rotate" -d 'Encrypt a file with a new data key; add or remove master keys'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "updatekeys" -d 'Bring the master keys of files in line with .sops.yaml'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "groups" -d 'Add a key group to a file, or delete one'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "exec-env" -d 'Run a command with the values of a file as its environment variables'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "exec-file" -d 'Run a command with a decrypted file that is gone afterwards'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "filestatus" -d 'Tell whether a file is encrypted'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "diff" -d 'Show what changed between two versions of an encrypted file'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "publish" -d 'Publish a file to S3, Cloud Storage, Vault, Secrets Manager or Parameter Store'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "keyservice" -d 'Use the keys of this machine for programs elsewhere'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "audit" -d 'Check an audit log'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "completion" -d 'Print a completion script for a shell'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "man" -d 'Print the manual page of the program, or of a command'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "__generate" -d 'Write completions, man pages, the schema of .sops.yaml and reference pages into a folder'
complete -c sops-rs -n "__fish_sops_rs_needs_command" -f -a "__paths" -d 'Print the key paths of a file that begin like a text'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l output -d 'Write to this file' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l filename-override -d 'Use this name to choose the format and the creation rule' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l input-type -d 'Format of the input' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l output-type -d 'Format of the output' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -s a -l age -d 'age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -s k -l kms -d 'AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l aws-profile -d 'AWS profile that is stored with the AWS KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l encryption-context -d 'Encryption context of AWS KMS keys: key:value pairs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -s p -l pgp -d 'OpenPGP fingerprints, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l gcp-kms -d 'Google Cloud KMS resource ids, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l azure-kv -d 'Azure Key Vault key URLs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l hc-vault-transit -d 'HashiCorp Vault transit key URIs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l hckms -d 'HuaweiCloud KMS keys (region:uuid), separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l shamir-secret-sharing-threshold -d 'How many key groups are needed to decrypt (all of them, unless given)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l encrypted-regex -d 'Encrypt only values below keys that match this regular expression (Go RE2)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l unencrypted-regex -d 'Encrypt all but values below keys that match this regular expression' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l encrypted-suffix -d 'Encrypt only values below keys that end like this' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l unencrypted-suffix -d 'Encrypt all but values below keys that end like this' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l encrypted-comment-regex -d 'Encrypt only values whose comment matches this regular expression' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l unencrypted-comment-regex -d 'Encrypt all but values whose comment matches this regular expression' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l canonical -d 'Bring a SopsSecret into the form in which an operator can verify its MAC, also one that is encrypted already'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -s i -l in-place -d 'Replace the file itself; on every failure it stays as it was'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l mac-only-encrypted -d 'Protect only encrypted values by the MAC, so that the others can be edited freely'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l allow-nothing-encrypted -d 'Go on when the rule selects none of the values'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand encrypt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -s o -l output -d 'Write to this file, in place of standard output' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l filename-override -d 'Use this name to choose the format of the output and the creation rule' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l name -d 'Name of the SopsSecret (default: that of the first Secret)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -s n -l namespace -d 'Namespace of the SopsSecret (default: that of the Secrets)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -s a -l age -d 'age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -s k -l kms -d 'AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l aws-profile -d 'AWS profile that is stored with the AWS KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l encryption-context -d 'Encryption context of AWS KMS keys: key:value pairs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -s p -l pgp -d 'OpenPGP fingerprints, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l gcp-kms -d 'Google Cloud KMS resource ids, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l azure-kv -d 'Azure Key Vault key URLs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l hc-vault-transit -d 'HashiCorp Vault transit key URIs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l hckms -d 'HuaweiCloud KMS keys (region:uuid), separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l shamir-secret-sharing-threshold -d 'How many key groups are needed to decrypt (all of them, unless given)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand seal" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l extract -d 'Print only what stands at this path, such as ["db"]["hosts"][0]' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l document -d 'Which document of a YAML file that has several, from 1 (default: the first)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l output -d 'Write to this file' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l filename-override -d 'Use this name to choose the format and the creation rule' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l input-type -d 'Format of the input' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l output-type -d 'Format of the output' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l ignore-mac -d 'Go on when the MAC does not match, with what cannot be trusted'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -s i -l in-place -d 'Replace the file itself; on every failure it stays as it was'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l filename-override -d 'Use this name to choose the format and the creation rule, as in the older command line' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l input-type -d 'Format of the input' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l output-type -d 'Format of the output' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -s a -l age -d 'age recipients, separated by commas: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -s k -l kms -d 'AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l aws-profile -d 'AWS profile that is stored with the AWS KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l encryption-context -d 'Encryption context of AWS KMS keys: key:value pairs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -s p -l pgp -d 'OpenPGP fingerprints, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l gcp-kms -d 'Google Cloud KMS resource ids, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l azure-kv -d 'Azure Key Vault key URLs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l hc-vault-transit -d 'HashiCorp Vault transit key URIs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l hckms -d 'HuaweiCloud KMS keys (region:uuid), separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l shamir-secret-sharing-threshold -d 'How many key groups are needed to decrypt (all of them, unless given)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l encrypted-regex -d 'Encrypt only values below keys that match this regular expression (Go RE2)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l unencrypted-regex -d 'Encrypt all but values below keys that match this regular expression' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l encrypted-suffix -d 'Encrypt only values below keys that end like this' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l unencrypted-suffix -d 'Encrypt all but values below keys that end like this' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l encrypted-comment-regex -d 'Encrypt only values whose comment matches this regular expression' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l unencrypted-comment-regex -d 'Encrypt all but values whose comment matches this regular expression' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -s s -l show-master-keys -d 'Show the metadata too; changes of it count as well'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l ignore-mac -d 'Open the file although its MAC does not match; saving makes a new one'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l mac-only-encrypted -d 'Protect only encrypted values by the MAC, so that the others can be edited freely'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l allow-nothing-encrypted -d 'Go on when the rule selects none of the values'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand edit" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l shamir-secret-sharing-threshold -d 'Accepted for scripts written for SOPS, without effect there as well' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l filename-override -d 'Use this name to choose the format, as in the older command line' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l document -d 'Which document of a YAML file that has several, from 1 (default: the first)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l input-type -d 'Format of the input' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l output-type -d 'Format of the output' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l value-file -d 'The third word is the name of a file that holds the value'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l value-stdin -d 'Read the value from standard input'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l idempotent -d 'Write nothing if the value is the same already'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l ignore-mac -d 'Open the file although its MAC does not match; writing makes a new one'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l shamir-secret-sharing-threshold -d 'Accepted for scripts written for SOPS, without effect there as well' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l document -d 'Which document of a YAML file that has several, from 1 (default: the first)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l input-type -d 'Format of the input' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l output-type -d 'Format of the output' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l idempotent -d 'No error if there is nothing at PATH'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l ignore-mac -d 'Open the file although its MAC does not match; writing makes a new one'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand unset" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l output -d 'Write to this file' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l filename-override -d 'Use this name to choose the format and the creation rule' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l input-type -d 'Format of the input' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l output-type -d 'Format of the output' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l add-age -d 'Add these age recipients' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l rm-age -d 'Remove these age recipients' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l add-kms -d 'Add these AWS KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l rm-kms -d 'Remove these AWS KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l encryption-context -d 'Encryption context of the AWS KMS keys to add or remove' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l add-pgp -d 'Add these OpenPGP keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l rm-pgp -d 'Remove these OpenPGP keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l add-gcp-kms -d 'Add these Google Cloud KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l rm-gcp-kms -d 'Remove these Google Cloud KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l add-azure-kv -d 'Add these Azure Key Vault keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l rm-azure-kv -d 'Remove these Azure Key Vault keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l add-hc-vault-transit -d 'Add these HashiCorp Vault transit keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l rm-hc-vault-transit -d 'Remove these HashiCorp Vault transit keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l add-hckms -d 'Add these HuaweiCloud KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l rm-hckms -d 'Remove these HuaweiCloud KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l ignore-mac -d 'Go on when the MAC does not match; the new file gets one that does'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -s i -l in-place -d 'Replace the file itself; on every failure it stays as it was'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l input-type -d 'Format of the files' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -s y -l yes -d 'Do not ask'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l json -d 'Print one JSON object per file instead of text'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand updatekeys" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and not __fish_seen_subcommand_from add delete" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and not __fish_seen_subcommand_from add delete" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and not __fish_seen_subcommand_from add delete" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and not __fish_seen_subcommand_from add delete" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and not __fish_seen_subcommand_from add delete" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and not __fish_seen_subcommand_from add delete" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and not __fish_seen_subcommand_from add delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and not __fish_seen_subcommand_from add delete" -f -a "add" -d 'Add a key group to a file'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and not __fish_seen_subcommand_from add delete" -f -a "delete" -d 'Delete a key group from a file'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -s f -l file -d 'The file' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l input-type -d 'Format of the file' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l shamir-secret-sharing-threshold -d 'How many groups are needed to decrypt (what the file says, unless given)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l age -d 'age recipients' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l kms -d 'AWS KMS key or alias ARNs; ARN+ROLE_ARN assumes a role' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l aws-profile -d 'AWS profile that is stored with the AWS KMS keys' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l encryption-context -d 'Encryption context of AWS KMS keys: key:value pairs, separated by commas' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l pgp -d 'OpenPGP fingerprints' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l gcp-kms -d 'Google Cloud KMS resource ids' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l azure-kv -d 'Azure Key Vault key URLs' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l hc-vault-transit -d 'HashiCorp Vault transit key URIs' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l hckms -d 'HuaweiCloud KMS keys (region:uuid)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -s i -l in-place -d 'Replace the file itself, instead of printing the result'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -s f -l file -d 'The file' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l input-type -d 'Format of the file' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l shamir-secret-sharing-threshold -d 'How many groups are needed to decrypt (what the file says, unless given)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -s i -l in-place -d 'Replace the file itself, instead of printing the result'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand groups; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l user -d 'Run the command as this user of /etc/passwd; only root may' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l document -d 'Which document of a YAML file that has several, from 1 (default: the first)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l input-type -d 'Format of the file' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l pristine -d 'Let the command have no other variables'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l same-process -d 'Become the command, instead of waiting for it'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l background -d 'Start the command and do not wait for it (deprecated in SOPS); it has no input and no output'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l pass-age-key -d 'Let the command have SOPS_AGE_KEY, which it does not get otherwise'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l words-behind-dashes -d 'There was a `--` among the words'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l ignore-mac -d 'Go on when the MAC does not match, with what cannot be trusted'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-env" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l filename -d 'The name of the file that the command sees' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l user -d 'Run the command as this user of /etc/passwd; only root may' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l document -d 'Which document of a YAML file that has several, from 1 (default: the first)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l input-type -d 'Format of the input' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l output-type -d 'Format of the output' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l no-fifo -d 'Make a regular file, for programs that cannot read a pipe'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l background -d 'Start the command and do not wait for it (deprecated in SOPS); it has no input and no output'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l pass-age-key -d 'Let the command have SOPS_AGE_KEY, which it does not get otherwise'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l words-behind-dashes -d 'There was a `--` among the words'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l ignore-mac -d 'Go on when the MAC does not match, with what cannot be trusted'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand exec-file" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand filestatus" -l input-type -d 'Format of the file' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand filestatus" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand filestatus" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand filestatus" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand filestatus" -l json -d 'Say more about the file: format, version, date, master keys, rule'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand filestatus" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand filestatus" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand filestatus" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand filestatus" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l rev -d 'The revision to compare FILE with' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l input-type -d 'Format of the files' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l show-values -d 'Show the plaintext of both sides as a unified diff; needs keys of both'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l no-keys -d 'Use no key at all, not even one that lies on this machine'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l json -d 'Print JSON instead of text'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l exit-code -d 'Exit with 1 if there is a difference'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l input-type -d 'Format of the files' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l enable-local-keyservice -d 'Use the keys of this machine and its cloud credentials (default: true)' -r -f -a "true\t''
false\t''"
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l keyservice -d 'A key service: tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l decryption-order -d 'Which kinds of keys to try first: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -s y -l yes -d 'Do not ask'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l dry-run -d 'Say what would be written, and write nothing; no values are shown'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l recursive -d 'Publish all files below a folder, in lexical order'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l omit-extensions -d 'Leave the last extension out of the names'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l json -d 'Print one JSON object per file instead of text'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand publish" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l network -l net -d 'The kind of address: tcp, tcp4, tcp6 or unix' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l address -l addr -d 'Where to listen: HOST:PORT, or the path of a socket' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l allow-key -d 'Use no keys but this one and others given so, as they stand in files; may be repeated' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l allow-kind -d 'Use no keys but of these kinds, and those of --allow-key: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l log -d 'Append a line of JSON for each request to this file; `-` is standard output' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l tls-cert -d 'Certificate of this server (PEM); clients then write tls://' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l tls-key -d 'Private key of that certificate (PEM)' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l tls-client-ca -d 'Answer only clients with a certificate of this authority (PEM)' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l prompt -d 'Ask before each use of a key'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand keyservice" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and not __fish_seen_subcommand_from verify" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and not __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and not __fish_seen_subcommand_from verify" -f -a "verify" -d 'Check that no record of a log was changed, taken out or put in'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and __fish_seen_subcommand_from verify" -l contains -d 'A hash that was the last one once: a record has to have it' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and __fish_seen_subcommand_from verify" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and __fish_seen_subcommand_from verify" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and __fish_seen_subcommand_from verify" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and __fish_seen_subcommand_from verify" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and __fish_seen_subcommand_from verify" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and __fish_seen_subcommand_from verify" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand completion" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand completion" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand completion" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand completion" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand completion" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand completion" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand man" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand man" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand man" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand man" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand man" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand man" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand man" -s h -l help -d 'Print help'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __generate" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __generate" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __generate" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __generate" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __generate" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __generate" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __generate" -s h -l help -d 'Print help'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __paths" -l config -d 'Use this configuration file instead of the nearest .sops.yaml above the current folder' -r -F
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __paths" -l indent -d 'Blanks per level where new text is laid out; text that was there keeps its own' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __paths" -l error-format -d 'How errors are told: text, or json for programs (one object per line)' -r
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __paths" -l verbose -d 'Say on standard error which configuration, rule and keys are used, and what is written'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __paths" -l disable-version-check -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __paths" -l check-for-updates -d 'Accepted for scripts written for SOPS; there is no version check'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand __paths" -s h -l help -d 'Print help'

# Key paths of an encrypted file, for `set`, `unset` and `decrypt --extract`. No key is needed.
function __sops_rs_file
    for word in (commandline -opc)[3..]
        if test -f "$word"
            echo $word
            return 0
        end
    end
    # `decrypt --extract PATH FILE`: the file may follow.
    for word in (commandline -op)[3..]
        if test -f "$word"
            echo $word
            return 0
        end
    end
    return 1
end
function __sops_rs_paths
    set -l file (__sops_rs_file); or return
    set -l typed (commandline -ct | string trim -l -c "'\"" | string replace -a '\\' '')
    sops-rs __paths $file "$typed" 2>/dev/null
end
function __sops_rs_wants_path
    __fish_sops_rs_using_subcommand set unset; and __sops_rs_file >/dev/null
    and test -f (commandline -opc)[-1]
end
complete -c sops-rs -n __sops_rs_wants_path -f -a '(__sops_rs_paths)'
complete -c sops-rs -n "__fish_sops_rs_using_subcommand decrypt" -l extract -x -a '(__sops_rs_paths)'
