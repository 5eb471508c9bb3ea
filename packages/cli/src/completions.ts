import type { Command, Option } from 'commander'

/*
 * Completion scripts for shells. They are complete in themselves: nothing is started, and nothing that was typed is
 * evaluated, while a person presses the tab key.
 */

export type Shell = 'bash' | 'zsh' | 'fish'

/** What a command offers after its name. */
interface Offer {
  readonly name: string
  readonly summary: string
  readonly options: readonly Option[]
  /** Words that are its first argument. */
  readonly words: readonly string[]
}

/** The script of a shell. `words` are first arguments by command. */
export function completionScript(
  shell: Shell,
  program: Command,
  words: Readonly<Record<string, readonly string[]>>,
): string {
  const offers = program
    .createHelp()
    .visibleCommands(program)
    .map((command) => ({
      name: command.name(),
      summary: command.summary() || command.description(),
      options: command.createHelp().visibleOptions(command),
      words: words[command.name()] ?? [],
    }))
  return shell === 'fish' ? fishScript(program.name(), offers) : bashScript(program.name(), offers, shell)
}

function longNames({ options }: Offer): string[] {
  return options.flatMap(({ long }) => long ?? [])
}

/** zsh runs the function of bash. */
function bashScript(program: string, offers: readonly Offer[], shell: 'bash' | 'zsh'): string {
  const values = offers.flatMap(({ name, options }) =>
    options.flatMap(({ long, argChoices, required }) => {
      if (!required) return []
      const proposed = argChoices === undefined ? '-f' : `-W '${argChoices.join(' ')}'`
      return [`    ${name}:${long ?? ''}) COMPREPLY=($(compgen ${proposed} -- "$cur")); return ;;`]
    }),
  )
  const words = offers.map(
    (offer) => `    ${offer.name}) words='${[...offer.words, ...longNames(offer)].join(' ')}' ;;`,
  )
  return [
    `# Completion for ${program} in ${shell}: source it, or save it where your shell looks for completions.`,
    ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
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
        ...options.map(({ long = '', description, argChoices, required }) => {
          const value =
            argChoices === undefined ? (required ? ' -r' : '') : ` -xa ${quoted(argChoices.join(' '))}`
          return `${start} ${condition} -l ${long.slice(2)}${value} -d ${quoted(description)}`
        }),
      ]
    }),
  ].join('\n')
}

function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`
}
