import type { Command } from 'commander'

/*
 * Completion scripts for shells. They are complete in themselves: nothing is started, and nothing that was typed is
 * evaluated, while a person presses the tab key.
 */

export type Shell = 'bash' | 'zsh' | 'fish'

/** What a command offers after its name. */
interface Offer {
  readonly name: string
  readonly summary: string
  readonly options: readonly {
    readonly long: string
    readonly description: string
    readonly takesValue: boolean
    readonly values: readonly string[] | undefined
  }[]
  /** Words that are its first argument. */
  readonly words: readonly string[]
}

/** What a shell proposes beside commands and options. */
export interface Proposals {
  /** First arguments, by command. */
  readonly words: Readonly<Record<string, readonly string[]>>
  /** Values of options, by "command --option". */
  readonly values: Readonly<Record<string, readonly string[]>>
}

/** The script of a shell. */
export function completionScript(shell: Shell, program: Command, { words, values }: Proposals): string {
  const offers = program
    .createHelp()
    .visibleCommands(program)
    .map((command) => ({
      name: command.name(),
      summary: command.summary() || command.description(),
      options: command
        .createHelp()
        .visibleOptions(command)
        .map((option) => ({
          long: option.long ?? '',
          description: option.description,
          takesValue: option.required,
          values: option.argChoices ?? values[`${command.name()} ${option.long ?? ''}`],
        })),
      words: words[command.name()] ?? [],
    }))
  return shell === 'fish' ? fishScript(program.name(), offers) : bashScript(program.name(), offers, shell)
}

function longNames({ options }: Offer): string[] {
  return options.map(({ long }) => long).filter((long) => long !== '')
}

/** zsh runs the function of bash. */
function bashScript(program: string, offers: readonly Offer[], shell: 'bash' | 'zsh'): string {
  const values = offers.flatMap(({ name, options }) =>
    options.flatMap(({ long, values: proposals, takesValue }) => {
      if (!takesValue) return []
      const proposed = proposals === undefined ? '-f' : `-W '${proposals.join(' ')}'`
      return [`    ${name}:${long}) COMPREPLY=($(compgen ${proposed} -- "$cur")); return ;;`]
    }),
  )
  const words = offers.map(
    (offer) => `    ${offer.name}) words='${[...offer.words, ...longNames(offer)].join(' ')}' ;;`,
  )
  return [
    `# Completion for ${program} in ${shell}: source it, or save it where your shell looks for completions.`,
    ...(shell === 'zsh'
      ? [
          '(( $+functions[compdef] )) || { autoload -U compinit && compinit; }',
          'autoload -U +X bashcompinit && bashcompinit',
        ]
      : []),
    `_${program}() {`,
    '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" command="${COMP_WORDS[1]}" words',
    '  COMPREPLY=()',
    '  case "$command:$prev" in',
    ...values,
    '  esac',
    '  if [ "$COMP_CWORD" -eq 1 ]; then command=; fi',
    '  case "$command" in',
    ...words,
    `    *) words='${offers.map(({ name }) => name).join(' ')} --help --version' ;;`,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
    '}',
    `complete -o default -F _${program} ${program}`,
  ].join('\n')
}

function fishScript(program: string, offers: readonly Offer[]): string {
  const start = `complete -c ${program}`
  return [
    `# Completion for ${program} in fish: save it as ~/.config/fish/completions/${program}.fish`,
    ...offers.flatMap(({ name, summary, options, words }) => {
      const condition = `-n '__fish_seen_subcommand_from ${name}'`
      return [
        `${start} -n __fish_use_subcommand -xa ${name} -d ${quoted(summary)}`,
        ...(words.length === 0 ? [] : [`${start} ${condition} -a ${quoted(words.join(' '))}`]),
        ...options.map(({ long, description, values, takesValue }) => {
          const value = values === undefined ? (takesValue ? ' -r' : '') : ` -xa ${quoted(values.join(' '))}`
          return `${start} ${condition} -l ${long.slice(2)}${value} -d ${quoted(description)}`
        }),
      ]
    }),
  ].join('\n')
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`
}
