#compdef sops-rs

# Key paths of an encrypted file, for `set`, `unset` and `decrypt --extract`. No key is needed.
_sops-rs_paths() {
    local file word
    for word in "${(@)words}"; do
        word=${~${(Q)word}}
        if [[ $word != -* && -f $word ]]; then
            file=$word
            break
        fi
    done
    [[ -n $file ]] || return 1
    local -a found
    found=("${(@f)$(sops-rs __paths "$file" "${(Q)PREFIX}" 2>/dev/null)}")
    [[ -n $found ]] && compadd -S '' -a found
}

# The words of `set` and `unset`: a file, then a path in it.
_sops-rs_words() {
    local word
    for word in "${(@)words[1,CURRENT-1]}"; do
        if [[ -f ${~${(Q)word}} ]]; then
            _sops-rs_paths
            return
        fi
    done
    _files
}

autoload -U is-at-least

_sops-rs() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_sops-rs_commands" \
"*::: :->sops-rs" \
&& ret=0
    case $state in
    (sops-rs)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:sops-rs-command-$line[1]:"
        case $line[1] in
            (encrypt)
_arguments "${_arguments_options[@]}" : \
'--output=[Write to this file]:FILE:_files' \
'--filename-override=[Use this name to choose the format and the creation rule]:NAME:_files' \
'--input-type=[Format of the input]:FORMAT:_default' \
'--output-type=[Format of the output]:FORMAT:_default' \
'-a+[age recipients, separated by commas\: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …]:RECIPIENTS:_default' \
'--age=[age recipients, separated by commas\: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …]:RECIPIENTS:_default' \
'-k+[AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role]:ARNS:_default' \
'--kms=[AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role]:ARNS:_default' \
'--aws-profile=[AWS profile that is stored with the AWS KMS keys]:NAME:_default' \
'--encryption-context=[Encryption context of AWS KMS keys\: key\:value pairs, separated by commas]:PAIRS:_default' \
'-p+[OpenPGP fingerprints, separated by commas]:FINGERPRINTS:_default' \
'--pgp=[OpenPGP fingerprints, separated by commas]:FINGERPRINTS:_default' \
'--gcp-kms=[Google Cloud KMS resource ids, separated by commas]:IDS:_default' \
'--azure-kv=[Azure Key Vault key URLs, separated by commas]:URLS:_default' \
'--hc-vault-transit=[HashiCorp Vault transit key URIs, separated by commas]:URIS:_default' \
'--hckms=[HuaweiCloud KMS keys (region\:uuid), separated by commas]:IDS:_default' \
'--shamir-secret-sharing-threshold=[How many key groups are needed to decrypt (all of them, unless given)]:N:_default' \
'--encrypted-regex=[Encrypt only values below keys that match this regular expression (Go RE2)]:REGEX:_default' \
'--unencrypted-regex=[Encrypt all but values below keys that match this regular expression]:REGEX:_default' \
'--encrypted-suffix=[Encrypt only values below keys that end like this]:SUFFIX:_default' \
'--unencrypted-suffix=[Encrypt all but values below keys that end like this]:SUFFIX:_default' \
'--encrypted-comment-regex=[Encrypt only values whose comment matches this regular expression]:REGEX:_default' \
'--unencrypted-comment-regex=[Encrypt all but values whose comment matches this regular expression]:REGEX:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--canonical[Bring a SopsSecret into the form in which an operator can verify its MAC, also one that is encrypted already]' \
'-i[Replace the file itself; on every failure it stays as it was]' \
'--in-place[Replace the file itself; on every failure it stays as it was]' \
'--mac-only-encrypted[Protect only encrypted values by the MAC, so that the others can be edited freely]' \
'--allow-nothing-encrypted[Go on when the rule selects none of the values]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::path -- The file to encrypt:_files' \
'*::extra:_files' \
&& ret=0
;;
(seal)
_arguments "${_arguments_options[@]}" : \
'-o+[Write to this file, in place of standard output]:FILE:_files' \
'--output=[Write to this file, in place of standard output]:FILE:_files' \
'--filename-override=[Use this name to choose the format of the output and the creation rule]:NAME:_files' \
'--name=[Name of the SopsSecret (default\: that of the first Secret)]:NAME:_default' \
'-n+[Namespace of the SopsSecret (default\: that of the Secrets)]:NAMESPACE:_default' \
'--namespace=[Namespace of the SopsSecret (default\: that of the Secrets)]:NAMESPACE:_default' \
'-a+[age recipients, separated by commas\: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …]:RECIPIENTS:_default' \
'--age=[age recipients, separated by commas\: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …]:RECIPIENTS:_default' \
'-k+[AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role]:ARNS:_default' \
'--kms=[AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role]:ARNS:_default' \
'--aws-profile=[AWS profile that is stored with the AWS KMS keys]:NAME:_default' \
'--encryption-context=[Encryption context of AWS KMS keys\: key\:value pairs, separated by commas]:PAIRS:_default' \
'-p+[OpenPGP fingerprints, separated by commas]:FINGERPRINTS:_default' \
'--pgp=[OpenPGP fingerprints, separated by commas]:FINGERPRINTS:_default' \
'--gcp-kms=[Google Cloud KMS resource ids, separated by commas]:IDS:_default' \
'--azure-kv=[Azure Key Vault key URLs, separated by commas]:URLS:_default' \
'--hc-vault-transit=[HashiCorp Vault transit key URIs, separated by commas]:URIS:_default' \
'--hckms=[HuaweiCloud KMS keys (region\:uuid), separated by commas]:IDS:_default' \
'--shamir-secret-sharing-threshold=[How many key groups are needed to decrypt (all of them, unless given)]:N:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::paths -- Secret manifests; - is standard input:_files' \
&& ret=0
;;
(decrypt)
_arguments "${_arguments_options[@]}" : \
'--extract=[Print only what stands at this path, such as \["db"\]\["hosts"\]\[0\]]:PATH:_sops-rs_paths' \
'--document=[Which document of a YAML file that has several, from 1 (default\: the first)]:N:_default' \
'--output=[Write to this file]:FILE:_files' \
'--filename-override=[Use this name to choose the format and the creation rule]:NAME:_files' \
'--input-type=[Format of the input]:FORMAT:_default' \
'--output-type=[Format of the output]:FORMAT:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--ignore-mac[Go on when the MAC does not match, with what cannot be trusted]' \
'-i[Replace the file itself; on every failure it stays as it was]' \
'--in-place[Replace the file itself; on every failure it stays as it was]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::path -- The file to decrypt:_files' \
'*::extra:_files' \
&& ret=0
;;
(edit)
_arguments "${_arguments_options[@]}" : \
'--filename-override=[Use this name to choose the format and the creation rule, as in the older command line]:NAME:_files' \
'--input-type=[Format of the input]:FORMAT:_default' \
'--output-type=[Format of the output]:FORMAT:_default' \
'-a+[age recipients, separated by commas\: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …]:RECIPIENTS:_default' \
'--age=[age recipients, separated by commas\: age1…, age1pq1…, ssh-ed25519 …, ssh-rsa …]:RECIPIENTS:_default' \
'-k+[AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role]:ARNS:_default' \
'--kms=[AWS KMS key or alias ARNs, separated by commas; ARN+ROLE_ARN assumes a role]:ARNS:_default' \
'--aws-profile=[AWS profile that is stored with the AWS KMS keys]:NAME:_default' \
'--encryption-context=[Encryption context of AWS KMS keys\: key\:value pairs, separated by commas]:PAIRS:_default' \
'-p+[OpenPGP fingerprints, separated by commas]:FINGERPRINTS:_default' \
'--pgp=[OpenPGP fingerprints, separated by commas]:FINGERPRINTS:_default' \
'--gcp-kms=[Google Cloud KMS resource ids, separated by commas]:IDS:_default' \
'--azure-kv=[Azure Key Vault key URLs, separated by commas]:URLS:_default' \
'--hc-vault-transit=[HashiCorp Vault transit key URIs, separated by commas]:URIS:_default' \
'--hckms=[HuaweiCloud KMS keys (region\:uuid), separated by commas]:IDS:_default' \
'--shamir-secret-sharing-threshold=[How many key groups are needed to decrypt (all of them, unless given)]:N:_default' \
'--encrypted-regex=[Encrypt only values below keys that match this regular expression (Go RE2)]:REGEX:_default' \
'--unencrypted-regex=[Encrypt all but values below keys that match this regular expression]:REGEX:_default' \
'--encrypted-suffix=[Encrypt only values below keys that end like this]:SUFFIX:_default' \
'--unencrypted-suffix=[Encrypt all but values below keys that end like this]:SUFFIX:_default' \
'--encrypted-comment-regex=[Encrypt only values whose comment matches this regular expression]:REGEX:_default' \
'--unencrypted-comment-regex=[Encrypt all but values whose comment matches this regular expression]:REGEX:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'-s[Show the metadata too; changes of it count as well]' \
'--show-master-keys[Show the metadata too; changes of it count as well]' \
'--ignore-mac[Open the file although its MAC does not match; saving makes a new one]' \
'--mac-only-encrypted[Protect only encrypted values by the MAC, so that the others can be edited freely]' \
'--allow-nothing-encrypted[Go on when the rule selects none of the values]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::path -- The file to edit:_files' \
'*::extra:_files' \
&& ret=0
;;
(set)
_arguments "${_arguments_options[@]}" : \
'--shamir-secret-sharing-threshold=[Accepted for scripts written for SOPS, without effect there as well]:N:_default' \
'--filename-override=[Use this name to choose the format, as in the older command line]:NAME:_files' \
'--document=[Which document of a YAML file that has several, from 1 (default\: the first)]:N:_default' \
'--input-type=[Format of the input]:FORMAT:_default' \
'--output-type=[Format of the output]:FORMAT:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--value-file[The third word is the name of a file that holds the value]' \
'--value-stdin[Read the value from standard input]' \
'--idempotent[Write nothing if the value is the same already]' \
'--ignore-mac[Open the file although its MAC does not match; writing makes a new one]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::words -- FILE PATH \[VALUE\]:_sops-rs_words' \
&& ret=0
;;
(unset)
_arguments "${_arguments_options[@]}" : \
'--shamir-secret-sharing-threshold=[Accepted for scripts written for SOPS, without effect there as well]:N:_default' \
'--document=[Which document of a YAML file that has several, from 1 (default\: the first)]:N:_default' \
'--input-type=[Format of the input]:FORMAT:_default' \
'--output-type=[Format of the output]:FORMAT:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--idempotent[No error if there is nothing at PATH]' \
'--ignore-mac[Open the file although its MAC does not match; writing makes a new one]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::words -- FILE PATH:_sops-rs_words' \
&& ret=0
;;
(rotate)
_arguments "${_arguments_options[@]}" : \
'--output=[Write to this file]:FILE:_files' \
'--filename-override=[Use this name to choose the format and the creation rule]:NAME:_files' \
'--input-type=[Format of the input]:FORMAT:_default' \
'--output-type=[Format of the output]:FORMAT:_default' \
'--add-age=[Add these age recipients]:RECIPIENTS:_default' \
'--rm-age=[Remove these age recipients]:RECIPIENTS:_default' \
'--add-kms=[Add these AWS KMS keys]:ARNS:_default' \
'--rm-kms=[Remove these AWS KMS keys]:ARNS:_default' \
'--encryption-context=[Encryption context of the AWS KMS keys to add or remove]:PAIRS:_default' \
'--add-pgp=[Add these OpenPGP keys]:FINGERPRINTS:_default' \
'--rm-pgp=[Remove these OpenPGP keys]:FINGERPRINTS:_default' \
'--add-gcp-kms=[Add these Google Cloud KMS keys]:IDS:_default' \
'--rm-gcp-kms=[Remove these Google Cloud KMS keys]:IDS:_default' \
'--add-azure-kv=[Add these Azure Key Vault keys]:URLS:_default' \
'--rm-azure-kv=[Remove these Azure Key Vault keys]:URLS:_default' \
'--add-hc-vault-transit=[Add these HashiCorp Vault transit keys]:URIS:_default' \
'--rm-hc-vault-transit=[Remove these HashiCorp Vault transit keys]:URIS:_default' \
'--add-hckms=[Add these HuaweiCloud KMS keys]:IDS:_default' \
'--rm-hckms=[Remove these HuaweiCloud KMS keys]:IDS:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--ignore-mac[Go on when the MAC does not match; the new file gets one that does]' \
'-i[Replace the file itself; on every failure it stays as it was]' \
'--in-place[Replace the file itself; on every failure it stays as it was]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::path -- The file:_files' \
'*::extra:_files' \
&& ret=0
;;
(updatekeys)
_arguments "${_arguments_options[@]}" : \
'--input-type=[Format of the files]:FORMAT:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'-y[Do not ask]' \
'--yes[Do not ask]' \
'--json[Print one JSON object per file instead of text]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::paths -- The files:_files' \
&& ret=0
;;
(groups)
_arguments "${_arguments_options[@]}" : \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_sops-rs__subcmd__groups_commands" \
"*::: :->groups" \
&& ret=0

    case $state in
    (groups)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:sops-rs-groups-command-$line[1]:"
        case $line[1] in
            (add)
_arguments "${_arguments_options[@]}" : \
'-f+[The file]:FILE:_files' \
'--file=[The file]:FILE:_files' \
'--input-type=[Format of the file]:FORMAT:_default' \
'--shamir-secret-sharing-threshold=[How many groups are needed to decrypt (what the file says, unless given)]:N:_default' \
'*--age=[age recipients]:RECIPIENTS:_default' \
'*--kms=[AWS KMS key or alias ARNs; ARN+ROLE_ARN assumes a role]:ARNS:_default' \
'--aws-profile=[AWS profile that is stored with the AWS KMS keys]:NAME:_default' \
'--encryption-context=[Encryption context of AWS KMS keys\: key\:value pairs, separated by commas]:PAIRS:_default' \
'*--pgp=[OpenPGP fingerprints]:FINGERPRINTS:_default' \
'*--gcp-kms=[Google Cloud KMS resource ids]:IDS:_default' \
'*--azure-kv=[Azure Key Vault key URLs]:URLS:_default' \
'*--hc-vault-transit=[HashiCorp Vault transit key URIs]:URIS:_default' \
'*--hckms=[HuaweiCloud KMS keys (region\:uuid)]:IDS:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'-i[Replace the file itself, instead of printing the result]' \
'--in-place[Replace the file itself, instead of printing the result]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::extra:_default' \
&& ret=0
;;
(delete)
_arguments "${_arguments_options[@]}" : \
'-f+[The file]:FILE:_files' \
'--file=[The file]:FILE:_files' \
'--input-type=[Format of the file]:FORMAT:_default' \
'--shamir-secret-sharing-threshold=[How many groups are needed to decrypt (what the file says, unless given)]:N:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'-i[Replace the file itself, instead of printing the result]' \
'--in-place[Replace the file itself, instead of printing the result]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::words -- The position of the group, from 0:_sops-rs_words' \
&& ret=0
;;
        esac
    ;;
esac
;;
(exec-env)
_arguments "${_arguments_options[@]}" : \
'--user=[Run the command as this user of /etc/passwd; only root may]:NAME:_default' \
'--document=[Which document of a YAML file that has several, from 1 (default\: the first)]:N:_default' \
'--input-type=[Format of the file]:FORMAT:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--pristine[Let the command have no other variables]' \
'--same-process[Become the command, instead of waiting for it]' \
'--background[Start the command and do not wait for it (deprecated in SOPS); it has no input and no output]' \
'--pass-age-key[Let the command have SOPS_AGE_KEY, which it does not get otherwise]' \
'--words-behind-dashes[There was a \`--\` among the words]' \
'--ignore-mac[Go on when the MAC does not match, with what cannot be trusted]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::words -- FILE, then COMMAND for the shell, or -- PROGRAM ARGUMENTS:_sops-rs_words' \
&& ret=0
;;
(exec-file)
_arguments "${_arguments_options[@]}" : \
'--filename=[The name of the file that the command sees]:NAME:_files' \
'--user=[Run the command as this user of /etc/passwd; only root may]:NAME:_default' \
'--document=[Which document of a YAML file that has several, from 1 (default\: the first)]:N:_default' \
'--input-type=[Format of the input]:FORMAT:_default' \
'--output-type=[Format of the output]:FORMAT:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--no-fifo[Make a regular file, for programs that cannot read a pipe]' \
'--background[Start the command and do not wait for it (deprecated in SOPS); it has no input and no output]' \
'--pass-age-key[Let the command have SOPS_AGE_KEY, which it does not get otherwise]' \
'--words-behind-dashes[There was a \`--\` among the words]' \
'--ignore-mac[Go on when the MAC does not match, with what cannot be trusted]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::words -- FILE, then COMMAND for the shell, or -- PROGRAM ARGUMENTS; {} is the path of the plaintext:_sops-rs_words' \
&& ret=0
;;
(filestatus)
_arguments "${_arguments_options[@]}" : \
'--input-type=[Format of the file]:FORMAT:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--json[Say more about the file\: format, version, date, master keys, rule]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::path -- The file:_files' \
'*::extra:_files' \
&& ret=0
;;
(diff)
_arguments "${_arguments_options[@]}" : \
'--rev=[The revision to compare FILE with]:REV:_default' \
'--input-type=[Format of the files]:FORMAT:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'(--json --no-keys)--show-values[Show the plaintext of both sides as a unified diff; needs keys of both]' \
'--no-keys[Use no key at all, not even one that lies on this machine]' \
'--json[Print JSON instead of text]' \
'--exit-code[Exit with 1 if there is a difference]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::path -- The file, or the older one of two:_files' \
'::newer -- The newer one of two:_files' \
'*::rest -- What Git adds when it calls this as its external diff:_files' \
&& ret=0
;;
(publish)
_arguments "${_arguments_options[@]}" : \
'--input-type=[Format of the files]:FORMAT:_default' \
'--enable-local-keyservice=[Use the keys of this machine and its cloud credentials (default\: true)]::BOOL:(true false)' \
'*--keyservice=[A key service\: tcp\://HOST\:PORT, tls\://HOST\:PORT or unix\:///PATH; may be repeated]:URI:_default' \
'--decryption-order=[Which kinds of keys to try first\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'-y[Do not ask]' \
'--yes[Do not ask]' \
'--dry-run[Say what would be written, and write nothing; no values are shown]' \
'--recursive[Publish all files below a folder, in lexical order]' \
'--omit-extensions[Leave the last extension out of the names]' \
'--json[Print one JSON object per file instead of text]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::path -- The file, or with --recursive a folder:_files' \
'*::extra:_files' \
&& ret=0
;;
(keyservice)
_arguments "${_arguments_options[@]}" : \
'--network=[The kind of address\: tcp, tcp4, tcp6 or unix]:NETWORK:_default' \
'--net=[The kind of address\: tcp, tcp4, tcp6 or unix]:NETWORK:_default' \
'--address=[Where to listen\: HOST\:PORT, or the path of a socket]:ADDRESS:_default' \
'--addr=[Where to listen\: HOST\:PORT, or the path of a socket]:ADDRESS:_default' \
'*--allow-key=[Use no keys but this one and others given so, as they stand in files; may be repeated]:KEY:_default' \
'*--allow-kind=[Use no keys but of these kinds, and those of --allow-key\: age, pgp, kms, gcp_kms, azure_kv, hc_vault, hckms]:KINDS:_default' \
'--log=[Append a line of JSON for each request to this file; \`-\` is standard output]:FILE:_files' \
'--tls-cert=[Certificate of this server (PEM); clients then write tls\://]:FILE:_files' \
'--tls-key=[Private key of that certificate (PEM)]:FILE:_files' \
'--tls-client-ca=[Answer only clients with a certificate of this authority (PEM)]:FILE:_files' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--prompt[Ask before each use of a key]' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(audit)
_arguments "${_arguments_options[@]}" : \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
":: :_sops-rs__subcmd__audit_commands" \
"*::: :->audit" \
&& ret=0

    case $state in
    (audit)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:sops-rs-audit-command-$line[1]:"
        case $line[1] in
            (verify)
_arguments "${_arguments_options[@]}" : \
'--contains=[A hash that was the last one once\: a record has to have it]:HASH:_default' \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::paths -- The logs, each with a chain of its own; - is standard input:_files' \
&& ret=0
;;
        esac
    ;;
esac
;;
(completion)
_arguments "${_arguments_options[@]}" : \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::shell -- bash, zsh, fish, powershell or elvish:_default' \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help]' \
'--help[Print help]' \
'::command -- The command; without one, the page of the program:_default' \
&& ret=0
;;
(__generate)
_arguments "${_arguments_options[@]}" : \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help]' \
'--help[Print help]' \
':folder -- The folder; it is made if need be:_files' \
&& ret=0
;;
(__paths)
_arguments "${_arguments_options[@]}" : \
'--config=[Use this configuration file instead of the nearest .sops.yaml above the current folder]:FILE:_files' \
'--indent=[Blanks per level where new text is laid out; text that was there keeps its own]:N:_default' \
'--error-format=[How errors are told\: text, or json for programs (one object per line)]:FORMAT:_default' \
'--verbose[Say on standard error which configuration, rule and keys are used, and what is written]' \
'--disable-version-check[Accepted for scripts written for SOPS; there is no version check]' \
'--check-for-updates[Accepted for scripts written for SOPS; there is no version check]' \
'-h[Print help]' \
'--help[Print help]' \
':path -- The file:_files' \
'::typed -- How the path begins:_default' \
&& ret=0
;;
        esac
    ;;
esac
}

(( $+functions[_sops-rs_commands] )) ||
_sops-rs_commands() {
    local commands; commands=(
'encrypt:Encrypt a file' \
'seal:Make an encrypted SopsSecret of Kubernetes Secrets' \
'decrypt:Decrypt a file, or one value of it' \
'edit:Edit an encrypted file in your editor' \
'set:Set one value of an encrypted file' \
'unset:Remove one value from an encrypted file' \
'rotate:Encrypt a file with a new data key; add or remove master keys' \
'updatekeys:Bring the master keys of files in line with .sops.yaml' \
'groups:Add a key group to a file, or delete one' \
'exec-env:Run a command with the values of a file as its environment variables' \
'exec-file:Run a command with a decrypted file that is gone afterwards' \
'filestatus:Tell whether a file is encrypted' \
'diff:Show what changed between two versions of an encrypted file' \
'publish:Publish a file to S3, Cloud Storage, Vault, Secrets Manager or Parameter Store' \
'keyservice:Use the keys of this machine for programs elsewhere' \
'audit:Check an audit log' \
'completion:Print a completion script for a shell' \
'man:Print the manual page of the program, or of a command' \
'__generate:Write completions, man pages, the schema of .sops.yaml and reference pages into a folder' \
'__paths:Print the key paths of a file that begin like a text' \
    )
    _describe -t commands 'sops-rs commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd____generate_commands] )) ||
_sops-rs__subcmd____generate_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs __generate commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd____paths_commands] )) ||
_sops-rs__subcmd____paths_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs __paths commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__audit_commands] )) ||
_sops-rs__subcmd__audit_commands() {
    local commands; commands=(
'verify:Check that no record of a log was changed, taken out or put in' \
    )
    _describe -t commands 'sops-rs audit commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__audit__subcmd__verify_commands] )) ||
_sops-rs__subcmd__audit__subcmd__verify_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs audit verify commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__completion_commands] )) ||
_sops-rs__subcmd__completion_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs completion commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__decrypt_commands] )) ||
_sops-rs__subcmd__decrypt_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs decrypt commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__diff_commands] )) ||
_sops-rs__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs diff commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__edit_commands] )) ||
_sops-rs__subcmd__edit_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs edit commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__encrypt_commands] )) ||
_sops-rs__subcmd__encrypt_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs encrypt commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__exec-env_commands] )) ||
_sops-rs__subcmd__exec-env_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs exec-env commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__exec-file_commands] )) ||
_sops-rs__subcmd__exec-file_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs exec-file commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__filestatus_commands] )) ||
_sops-rs__subcmd__filestatus_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs filestatus commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__groups_commands] )) ||
_sops-rs__subcmd__groups_commands() {
    local commands; commands=(
'add:Add a key group to a file' \
'delete:Delete a key group from a file' \
    )
    _describe -t commands 'sops-rs groups commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__groups__subcmd__add_commands] )) ||
_sops-rs__subcmd__groups__subcmd__add_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs groups add commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__groups__subcmd__delete_commands] )) ||
_sops-rs__subcmd__groups__subcmd__delete_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs groups delete commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__keyservice_commands] )) ||
_sops-rs__subcmd__keyservice_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs keyservice commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__man_commands] )) ||
_sops-rs__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs man commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__publish_commands] )) ||
_sops-rs__subcmd__publish_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs publish commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__rotate_commands] )) ||
_sops-rs__subcmd__rotate_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs rotate commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__seal_commands] )) ||
_sops-rs__subcmd__seal_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs seal commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__set_commands] )) ||
_sops-rs__subcmd__set_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs set commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__unset_commands] )) ||
_sops-rs__subcmd__unset_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs unset commands' commands "$@"
}
(( $+functions[_sops-rs__subcmd__updatekeys_commands] )) ||
_sops-rs__subcmd__updatekeys_commands() {
    local commands; commands=()
    _describe -t commands 'sops-rs updatekeys commands' commands "$@"
}

if [ "$funcstack[1]" = "_sops-rs" ]; then
    _sops-rs "$@"
else
    compdef _sops-rs sops-rs
fi
