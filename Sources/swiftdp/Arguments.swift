// Prepares the words of a command line for the parser.
import ArgumentParser
import Base

/// Does what the parser does not: accepts values that begin with a dash, and suggests a command for an unknown one.
struct Arguments {
  let words: [String]

  /// - Throws: `ValidationError` for an unknown command that resembles a known one.
  init(_ words: [String], root: any ParsableCommand.Type) throws {
    var command = root
    for word in words {
      let known = command.configuration.subcommands
      if known.isEmpty || word.hasPrefix("-") { break }
      if let next = known.first(where: { $0._commandName == word }) {
        command = next
      } else if word != "help" || command != root {
        let near = nearest(to: word, among: known.map { $0._commandName } + (command == root ? ["help"] : []))
        if let near { throw ValidationError("Unknown command '\(word)'. Did you mean '\(near)'?") }
        break
      }
    }
    self.words = Self.joined(words, OptionNames(command))
  }

  /// Joins an option and its value to one word, `--option=value`, if the value begins with a dash. A name of one of
  /// the command's own options is not a value: the user forgot the value before it.
  private static func joined(_ words: [String], _ names: @autoclosure () -> OptionNames) -> [String] {
    func isDashed(_ word: String) -> Bool { word.hasPrefix("-") && word != "-" && word != "--" }
    // Listing the names takes a while, and few command lines need them.
    let pairs = zip(words, words.dropFirst())
    guard pairs.contains(where: { isDashed($0) && isDashed($1) }) else { return words }
    let names = names()
    var result: [String] = []
    var index = 0
    while index < words.count {
      let word = words[index]
      if word == "--" { return result + words[index...] }
      index += 1
      guard names.withValue.contains(word), index < words.count, isDashed(words[index]),
        !names.all.contains(String(words[index].prefix { $0 != "=" }))
      else {
        result.append(word)
        continue
      }
      result.append(word + "=" + words[index])
      index += 1
    }
    return result
  }
}

/// The names of a command's options and flags, with their dashes.
private struct OptionNames {
  private(set) var all: Set<String> = []
  private(set) var withValue: Set<String> = []

  init(_ command: any ParsableCommand.Type) {
    // The description of a command that the parser gives to programs.
    let description = try? JSON.parse(command._dumpHelp())
    for argument in description?["command"]?["arguments"]?.elements ?? [] {
      let names = (argument["names"]?.elements ?? []).compactMap { name in
        name["name"]?.text.map { (name["kind"]?.text == "long" ? "--" : "-") + $0 }
      }
      all.formUnion(names)
      if argument["kind"]?.text == "option" { withValue.formUnion(names) }
    }
  }
}
