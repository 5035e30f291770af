
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
