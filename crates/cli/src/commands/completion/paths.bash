
# Key paths of an encrypted file, for `set`, `unset` and `decrypt --extract`. No key is needed.
_sops__rs_paths() {
    local command="${COMP_WORDS[1]}" cur="${COMP_WORDS[COMP_CWORD]}" file="" wanted="" at word
    for ((at = 2; at < ${#COMP_WORDS[@]}; at++)); do
        word="${COMP_WORDS[at]//[\\\"\']/}"
        word="${word/#\~/$HOME}"
        if ((at != COMP_CWORD)) && [[ $word != -* && -f $word ]]; then
            file="$word"
            break
        fi
    done
    case "$command" in
        set | unset) ((COMP_CWORD == at + 1)) && [[ $cur != -* ]] && wanted=yes ;;
        decrypt) [[ ${COMP_WORDS[COMP_CWORD - 1]} == *-extract ]] && wanted=yes ;;
    esac
    if [[ -z $file || -z $wanted ]]; then
        _sops__rs "$@"
        return
    fi
    local IFS=$'\n'
    COMPREPLY=($(sops-rs __paths "$file" "${cur#[\'\"]}" 2>/dev/null | grep -v "'"))
    # A path holds quotes and brackets: it stands between single quotes, which the shell closes
    # by itself where they were opened by hand.
    if [[ $cur != \'* ]]; then
        COMPREPLY=("${COMPREPLY[@]/#/\'}")
        COMPREPLY=("${COMPREPLY[@]/%/\'}")
    fi
}
complete -F _sops__rs_paths -o bashdefault -o default sops-rs
