// What a rank was doing a moment ago: read from the board of its host, or sent to the first rank over the network.

/// Times are milliseconds before now.
package struct RankStatus: Sendable {
  let process: Int
  let signal: Int
  let step: Int
  let phase: RankPhase
  /// nil if it is in no step.
  let layer: Int?
  let call: (number: Int64, kind: RankCall)
  /// How long its watching thread and its main thread have reported nothing.
  var sinceBeat: Int64
  var sinceProgress: Int64
  /// How long it has waited in its call; nil if it computes.
  var waited: Int64?
  /// The rank it waits for, if that is known.
  let waitingFor: Int?

  static let wordCount = 10

  init(_ slot: BoardSlot, now: Int64) {
    let since = slot[.waitingSince]
    self.init(
      words: [
        slot[.process], slot[.signal], slot[.step], slot[.phase], slot[.layer], slot[.call],
        max(now - slot[.beat], 0), max(now - slot[.progress], 0), since == 0 ? -1 : max(now - since, 0),
        slot[.waitingFor],
      ])
  }

  /// - Parameter words: as many as `wordCount`, in the order of `words`.
  package init(words: [Int64]) {
    process = Int(words[0])
    signal = Int(words[1])
    step = Int(words[2])
    phase = RankPhase(rawValue: words[3]) ?? .starting
    layer = words[4] >= 0 ? Int(words[4]) : nil
    call = (words[5] >> 8, RankCall(rawValue: words[5] & 0xFF) ?? .none)
    sinceBeat = words[6]
    sinceProgress = words[7]
    waited = words[8] >= 0 ? words[8] : nil
    waitingFor = words[9] >= 0 && waited != nil ? Int(words[9]) : nil
  }

  var words: [Int64] {
    [
      Int64(process), Int64(signal), Int64(step), phase.rawValue, Int64(layer ?? -1),
      call.number << 8 | call.kind.rawValue, sinceBeat, sinceProgress, waited ?? -1, Int64(waitingFor ?? -1),
    ]
  }

  /// The same status after more time without news.
  func aged(_ milliseconds: Int64) -> RankStatus {
    var aged = self
    aged.sinceBeat += milliseconds
    aged.sinceProgress += milliseconds
    if let waited { aged.waited = waited + milliseconds }
    return aged
  }

  /// Whether the rank does not run, or hangs in work that it reports on often.
  func isSilent(for limit: Int64) -> Bool {
    guard phase != .left else { return false }
    return sinceBeat > limit || waited == nil && phase.tellsOften && sinceProgress > limit
  }

  /// The status in words.
  var doing: String { phase.words + (layer.map { ", layer \($0)" } ?? "") }
}
