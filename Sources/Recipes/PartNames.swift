// What the parts of a run are called: names of tasks or adapters, under which numbers and folders stand.
import Base

struct PartNames {
  private var taken: [String] = []

  /// Takes the name of one more part, and reports a name that cannot stand.
  /// - Parameters:
  ///   - key: where it is given.
  ///   - kind: what it is the name of.
  mutating func take(_ name: String, _ section: Section, _ key: String, of kind: String) {
    if name.isEmpty || name.count > 64 || !name.allSatisfy(Self.isOfName) {
      section.fail(
        key, "is \(name.quoted), and names a folder", hint: "letters, digits, - and _ may stand there")
    } else if taken.contains(name) {
      section.fail(
        key, "is \(name.quoted), as that of another \(kind)",
        hint: "give each \(kind) a name of its own (\(key): NAME)")
    }
    taken.append(name)
  }

  private static func isOfName(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || character == "-" || character == "_")
  }
}
