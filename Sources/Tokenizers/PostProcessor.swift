// The special tokens around a text or a pair: the post-processors that tokenizer.json may name.
import Base

struct PostProcessor: Sendable {
  private(set) var single = TextTemplate(zeroParts: 1)
  /// A failure where pairs cannot be encoded: files for single texts may hold nothing sensible here.
  private(set) var pair: Result<TextTemplate, UserError> = .success(.plainPair)
  /// Whether pairs have a template.
  private var wrapsPairs = false
  /// How the places of tokens lose the spaces at their ends.
  private(set) var trims: [PlaceTrim] = []

  /// A limit, since templates may name one long list of tokens many times.
  static let mostTokens = 1024

  /// - Parameter idCount: ids must lie below this.
  init(_ part: FilePart?, idCount: Int) throws {
    guard let part else { return }
    let type = try part.type()
    switch type {
    case "ByteLevel": trims = try Self.trims(part)
    case "Sequence":
      for element in try part.required("processors").elements() {
        try wrap(in: try PostProcessor(element, idCount: idCount), part)
      }
    case "TemplateProcessing":
      single = try TemplateParts(try part.required("single"), part, idCount).single()
      wrapsPairs = true
      pair = Result { () throws(UserError) in
        try TemplateParts(try part.required("pair"), part, idCount).pair()
      }
    case "RobertaProcessing", "BertProcessing":
      let begin = try TemplateParts.pairedID(try part.required("cls"), idCount)
      let end = try TemplateParts.pairedID(try part.required("sep"), idCount)
      single = TextTemplate(before: [begin], after: [end], zeroParts: 3)
      if type == "RobertaProcessing" { trims = try Self.trims(part) }
      wrapsPairs = true
      // RoBERTa has one type only.
      pair = .success(
        type == "BertProcessing"
          ? TextTemplate(before: [begin], between: [end], after: [end], zeroParts: 3)
          : TextTemplate(before: [begin], between: [end, end], after: [end], zeroParts: 6))
    default: throw part.unsupported("post-processor", type)
    }
  }

  private static func trims(_ part: FilePart) throws -> [PlaceTrim] {
    guard try part.bool("trim_offsets", default: true) else { return [] }
    return [PlaceTrim(addsPrefixSpace: try part.bool("add_prefix_space", default: true))]
  }

  /// Puts the tokens of another post-processor around those of this one.
  private mutating func wrap(in outer: PostProcessor, _ part: FilePart) throws {
    trims += outer.trims
    if outer.single.specialCount > 0 {
      if single.specialCount > 0 {
        single.zeroParts = nil
      } else {
        single.zeroParts = outer.single.zeroParts
      }
      single.before = outer.single.before + single.before
      single.after += outer.single.after
    }
    try TemplateParts.check(single.specialCount, part)
    guard outer.wrapsPairs else { return }
    pair =
      wrapsPairs ? .failure(part.unsupported("post-processor", "a sequence of two around pairs")) : outer.pair
    wrapsPairs = true
  }
}

/// The parts of one template of TemplateProcessing.
private struct TemplateParts {
  enum Content: Equatable {
    case special(Int32)
    case text(String)
  }

  let part: FilePart
  var parts: [(content: Content, type: Int)] = []

  /// - Parameters:
  ///   - list: the template.
  ///   - part: the post-processor.
  init(_ list: FilePart, _ part: FilePart, _ idCount: Int) throws(UserError) {
    self.part = part
    let tokens = part.part("special_tokens")
    for piece in try list.elements() {
      if let sequence = piece.part("Sequence") {
        parts.append((.text(try sequence.required("id").text()), try Self.type(sequence)))
        continue
      }
      let special = try piece.required("SpecialToken")
      let name = try special.required("id")
      guard let token = tokens?.part(try name.text()) else {
        throw name.error("the special token \"\(try name.text())\" is not among special_tokens")
      }
      for id in try token.required("ids").elements() {
        parts.append((.special(try Self.checked(id, idCount)), try Self.type(special)))
        try Self.check(parts.count - 2, part)
      }
    }
  }

  func single() throws(UserError) -> TextTemplate {
    let texts = texts
    guard texts.allSatisfy({ parts[$0].content == .text("A") }) else {
      throw part.part("single")?.error("a template for one text may use the text A only")
        ?? part.wrong("a template")
    }
    guard texts.count == 1, let text = texts.first else {
      throw part.unsupported("post-processor", "TemplateProcessing with the text \(texts.count) times")
    }
    return TextTemplate(before: specials(..<text), after: specials((text + 1)...), zeroParts: zeroParts)
  }

  func pair() throws(UserError) -> TextTemplate {
    let texts = texts
    guard texts.map({ parts[$0].content }) == [.text("A"), .text("B")] else {
      throw part.unsupported("post-processor", "TemplateProcessing of pairs that is not A and then B")
    }
    return TextTemplate(
      before: specials(..<texts[0]), between: specials((texts[0] + 1)..<texts[1]),
      after: specials((texts[1] + 1)...), zeroParts: zeroParts)
  }

  /// Where the texts stand.
  private var texts: [Int] {
    parts.indices.filter { if case .text = parts[$0].content { true } else { false } }
  }

  private func specials(_ range: some RangeExpression<Int>) -> [Int32] {
    parts[range].compactMap { if case .special(let id) = $0.content { id } else { nil } }
  }

  /// How many parts at the start have type 0; nil if anything but type 1 comes after them.
  private var zeroParts: Int? {
    let zeros = parts.prefix { $0.type == 0 }.count
    return parts[zeros...].allSatisfy { $0.type == 1 } ? zeros : nil
  }

  private static func type(_ part: FilePart) throws(UserError) -> Int {
    try part.part("type_id")?.count() ?? 0
  }

  static func check(_ count: Int, _ part: FilePart) throws(UserError) {
    guard count <= PostProcessor.mostTokens else {
      throw part.error("more than \(PostProcessor.mostTokens) special tokens are put around a text")
    }
  }

  /// The id of `["</s>", 2]`.
  static func pairedID(_ part: FilePart, _ idCount: Int) throws(UserError) -> Int32 {
    let elements = try part.elements()
    guard elements.count == 2 else { throw part.wrong("a list of a token and its id") }
    return try checked(elements[1], idCount)
  }

  private static func checked(_ part: FilePart, _ idCount: Int) throws(UserError) -> Int32 {
    let id = try part.id()
    guard Int(id) < idCount else { throw part.error("the id \(id) is not in the vocabulary") }
    return id
  }
}
