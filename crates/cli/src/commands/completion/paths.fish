
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
