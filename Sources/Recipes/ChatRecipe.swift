// What a recipe says about chats: `data.template` and `data.loss`.
import Base
import Datasets

extension ChatOptions {
  /// - Parameter section: `data`.
  package init(_ section: Section) {
    self.init(template: Self.template(section), loss: ChatLoss(section))
  }

  /// The key `template` of the data or of a source: a name, or a file that ends in .jinja.
  static func template(_ section: Section) -> String? {
    guard section.has("template") else { return nil }
    let name = section.text("template")
    guard name.hasSuffix(".jinja") else { return name.isEmpty ? nil : name }
    return section.filePath("template")
  }
}

extension ChatLoss {
  private static let names = ["answers", "last_answer", "all"]

  /// The key `loss` of the data: a name, or `{role: [ … ]}`.
  fileprivate init(_ section: Section) {
    if section.raw("loss")?.members != nil {
      let roles = section.section("loss").texts("role", default: [])
      if roles.isEmpty { section.fail("loss", "names no role", hint: "write {role: [assistant]}") }
      self = .roles(roles)
      return
    }
    switch section.text("loss", default: "answers") {
    case "answers": self = .answers
    case "last_answer": self = .lastAnswer
    case "all": self = .all
    case let other:
      self = .answers
      section.fail(
        "loss",
        "is \(other.quoted), but must be one of \(Self.names.joined(separator: ", ")), or {role: [ … ]}",
        hint: nearest(to: other, among: Self.names).map { "did you mean \($0)?" } ?? "")
    }
  }
}
