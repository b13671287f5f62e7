// The added tokens of a SentencePiece model and their ids, as transformers gathers them: those that the files list, those
// with a name such as `eos_token`, and those without. Of tokens with the same text, the last one's settings count.

struct SentencePieceTokens {
  /// In the order in which they are added.
  private(set) var tokens: [AddedToken] = []
  private var places: [[UInt8]: Int] = [:]
  private var named: [String: [UInt8]] = [:]
  private let vocabulary: Vocabulary
  private var next: Int32

  /// - Parameters:
  ///   - defaults: the family's own named tokens.
  ///   - extra: the family's own tokens without names, if the settings have no list of them.
  init(
    _ settings: SentencePieceSettings, _ vocabulary: Vocabulary, defaults: [String: String],
    extra: [AddedToken]
  ) throws {
    self.vocabulary = vocabulary
    next = Int32(vocabulary.pieceCount)
    let listed = Set(settings.listed.map(\.content))
    var special: [AddedToken] = []
    for key in SentencePieceSettings.specialKeys {
      guard let token = try settings.token(key, default: defaults[key]) else { continue }
      named[key] = token.content
      special.append(token)
    }
    special += try settings.tokensOfTheModel()
    let names = Set(special.map(\.content))
    for var token in settings.listed {
      token.special = token.special || names.contains(token.content)
      try add(token, settings)
    }
    for token in special + (try settings.extraTokens() ?? extra) where !listed.contains(token.content) {
      try add(token, settings)
    }
  }

  /// Added tokens number themselves: by the vocabulary, or from its end on.
  private mutating func add(_ token: AddedToken, _ settings: SentencePieceSettings) throws {
    guard !token.content.isEmpty else { throw settings.config.error("a special token has no text") }
    let place = places[token.content]
    let id = place.map { tokens[$0].id } ?? vocabulary.id(of: token.content) ?? next
    guard token.id < 0 || token.id == id else {
      let name = String(decoding: token.content, as: UTF8.self)
      throw settings.config.error(
        "the added token \"\(name)\" has the id \(token.id), and its place in the vocabulary is \(id)")
    }
    var token = token
    token.id = id
    if id == next { next += 1 }
    if let place {
      tokens[place] = token
    } else {
      places[token.content] = tokens.count
      tokens.append(token)
    }
  }

  /// The token with a name; nil if there is none.
  func named(_ key: String) -> AddedToken? {
    named[key].flatMap { places[$0] }.map { tokens[$0] }
  }
}
