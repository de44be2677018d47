"""The scripts that make shells ask `mqadmin __complete` on Tab."""

from __future__ import annotations

BASH = """\
# Completion of mqadmin for bash: eval "$(mqadmin completion bash)"
_mqadmin() {
    local IFS=$'\\n'
    COMPREPLY=($("$1" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    if [ "${COMPREPLY[0]}" = "@files" ]; then
        COMPREPLY=()
        compopt -o default
    fi
}
complete -F _mqadmin mqadmin
"""

ZSH = """\
#compdef mqadmin
# Completion of mqadmin for zsh: eval "$(mqadmin completion zsh)" after compinit
_mqadmin() {
    local -a found
    found=("${(@f)$("$words[1]" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ "$found[1]" == "@files" ]]; then
        _files
    elif [[ -n "$found[1]" ]]; then
        _describe 'mqadmin' found
    fi
}
compdef _mqadmin mqadmin
"""

FISH = """\
# Completion of mqadmin for fish: mqadmin completion fish | source
function __mqadmin_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l found ($typed[1] __complete fish $typed[2..-1] "$current" 2>/dev/null)
    if test "$found[1]" = "@files"
        __fish_complete_path "$current"
    else
        printf '%s\\n' $found
    end
end
complete -c mqadmin -f -a '(__mqadmin_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
