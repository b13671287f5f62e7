// BPE for one thread: words come from the cache, or new ones from the merges.

final class BPEEncoder: TokenModelEncoder {
  private let model: BPE
  private let cache = WordCache()
  private var merger = BPEMerger()
  private var spelled: [UInt8] = []
  /// For each symbol of a word before it is merged, how many bytes of the word it stands for; only if `isTracing`.
  private var lengths: [Int] = []
  private var isTracing = false

  init(_ model: BPE) { self.model = model }

  var footprint: Int { WordCache.footprint + merger.footprint + spelled.capacity }

  func encode(_ words: Words, into ids: inout [Int32]) {
    model.merges.withReader { merges in
      words.bytes.withUnsafeBufferPointer { text in
        guard let base = text.baseAddress else { return }
        for word in words.words {
          guard let marker = model.marker else {
            encode(base, word.start, word.end, merges, into: &ids)
            continue
          }
          if model.ignoresMerges, let id = whole(base, word.start, word.end) {
            ids.append(id)
            continue
          }
          var start = word.start
          while start < word.end {
            let end = marker.next(base, start, word.end)
            encode(base, start, end, merges, into: &ids)
            start = end
          }
        }
      }
    }
  }

  func trace(_ words: Words, into ids: inout [Int32], spans: inout [Range<Int>]) {
    isTracing = true
    defer { isTracing = false }
    model.merges.withReader { merges in
      words.bytes.withUnsafeBufferPointer { text in
        guard let base = text.baseAddress else { return }
        for word in words.words {
          if model.ignoresMerges, let id = whole(base, word.start, word.end) {
            ids.append(id)
            spans.append(word.start..<word.end)
            continue
          }
          spell(base, word.start, word.end)
          let symbols = merger.symbols
          let first = ids.count
          merger.merge(merges, into: &ids)
          appendSpans(of: ids[first...], symbols, from: word.start, to: &spans)
        }
      }
    }
  }

  /// A token is made of as many symbols as have its piece's bytes together.
  private func appendSpans(
    of ids: ArraySlice<Int32>, _ symbols: [Int32], from start: Int, to spans: inout [Range<Int>]
  ) {
    func count(_ id: Int32) -> Int { model.vocabulary.piece(id)?.count ?? 0 }
    var symbol = 0
    var at = start
    for id in ids {
      let start = at
      var left = count(id)
      var isFirst = true
      while symbol < symbols.count, isFirst || left > 0 {
        left -= count(symbols[symbol]) - (isFirst ? 0 : model.prefix.count)
        at += lengths[symbol]
        symbol += 1
        isFirst = false
      }
      spans.append(start..<at)
    }
  }

  @inline(__always)
  private func encode(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ merges: MergeTable.Reader,
    into ids: inout [Int32]
  ) {
    let count = end - start
    guard count <= WordCache.longestWord else {
      return merge(text, start, end, merges, into: &ids)
    }
    let key = WordCache.Key(text + start, count: count)
    if cache.append(key, to: &ids) { return }
    let first = ids.count
    merge(text, start, end, merges, into: &ids)
    cache.store(key, ids[first...])
  }

  /// The id of a word that is a piece as it stands.
  private func whole(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int32? {
    let word = UnsafeBufferPointer(start: text + start, count: end - start)
    guard model.readsBytes else { return model.vocabulary.id(of: word) }
    spelled.removeAll(keepingCapacity: true)
    ByteAlphabet.append(word, to: &spelled)
    return spelled.withUnsafeBufferPointer { model.vocabulary.id(of: $0) }
  }

  @inline(never)
  private func merge(
    _ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ merges: MergeTable.Reader,
    into ids: inout [Int32]
  ) {
    // If words are cut at markers, the whole word has been looked up already.
    if model.ignoresMerges, model.marker == nil, let id = whole(text, start, end) {
      ids.append(id)
      return
    }
    spell(text, start, end)
    merger.merge(merges, into: &ids)
  }

  /// Makes the symbols of a word.
  private func spell(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) {
    merger.removeAll()
    if isTracing { lengths.removeAll(keepingCapacity: true) }
    if model.readsBytes, model.symbolsAreWhole {
      if isTracing { lengths = [Int](repeating: 1, count: end - start) }
      merger.reserve(end - start)
      for at in start..<end { merger.append(model.symbols[Int(text[at])]) }
    } else if model.readsBytes {
      spelled.removeAll(keepingCapacity: true)
      ByteAlphabet.append(UnsafeBufferPointer(start: text + start, count: end - start), to: &spelled)
      spelled.withUnsafeBufferPointer { spelled in
        if let base = spelled.baseAddress { appendCharacters(base, 0, spelled.count) }
      }
    } else {
      appendCharacters(text, start, end)
    }
  }

  @inline(__always)
  private func append(_ id: Int32, standsFor length: Int) {
    merger.append(id)
    if isTracing { lengths.append(length) }
  }

  /// Looks up each character of a text; a character that is not a piece becomes byte pieces, the unknown piece, or
  /// nothing.
  private func appendCharacters(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) {
    merger.reserve(end - start)
    var pending: Int32?
    var pendingLength = 0
    var at = start
    while at < end {
      let length = UTF8Text.length(text[at])
      let read = model.readsBytes ? 1 : length
      defer { at += length }
      let symbol = symbol(text, at, length, isFirst: at == start, isLast: at + length == end)
      if symbol >= 0 {
        if let id = pending { append(id, standsFor: pendingLength) }
        pending = nil
        append(symbol, standsFor: read)
        continue
      }
      // Byte pieces go ahead of an unknown piece that is still waiting, as in the tokenizers package.
      if !model.bytePieces.isEmpty,
        appendBytes(text, at, length, isFirst: at == start, isLast: at + length == end)
      {
        continue
      }
      guard let unknown = model.unknown else { continue }
      if let id = pending, !model.fusesUnknown {
        append(id, standsFor: pendingLength)
        pending = nil
      }
      pendingLength = read + (pending == nil ? 0 : pendingLength)
      pending = unknown
    }
    if let id = pending { append(id, standsFor: pendingLength) }
  }

  /// The id of a character with the affixes of its place; -1 if that is not a piece.
  private func symbol(
    _ text: UnsafePointer<UInt8>, _ at: Int, _ length: Int, isFirst: Bool, isLast: Bool
  ) -> Int32 {
    if length == 1, !model.readsBytes, model.symbols[Int(text[at])] >= 0 {
      return model.symbols[Int(text[at])]
    }
    let character = UnsafeBufferPointer(start: text + at, count: length)
    let hasPrefix = !isFirst && !model.prefix.isEmpty
    let hasSuffix = isLast && !model.suffix.isEmpty
    guard hasPrefix || hasSuffix else { return model.vocabulary.id(of: character) ?? -1 }
    return model.vocabulary.id(of: affixed(character, hasPrefix, hasSuffix)) ?? -1
  }

  private func affixed(_ character: UnsafeBufferPointer<UInt8>, _ prefix: Bool, _ suffix: Bool) -> [UInt8] {
    (prefix ? model.prefix : []) + Array(character) + (suffix ? model.suffix : [])
  }

  /// Appends the byte pieces of a character. If one is missing, appends nothing and returns false.
  private func appendBytes(
    _ text: UnsafePointer<UInt8>, _ at: Int, _ length: Int, isFirst: Bool, isLast: Bool
  ) -> Bool {
    let character = affixed(UnsafeBufferPointer(start: text + at, count: length), !isFirst, isLast)
    guard character.allSatisfy({ model.bytePieces[Int($0)] >= 0 }) else { return false }
    merger.reserve(merger.count + character.count + 1)
    for byte in character { append(model.bytePieces[Int(byte)], standsFor: 1) }
    return true
  }
}
