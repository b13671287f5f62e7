// What was measured of one method on one task.
import Base
import Foundation

struct RowResult {
  let method: String
  /// How the row can be run again.
  let command: String
  let trained: Int
  let parameters: Int
  /// Of the held-out rows, from 0 to 1.
  let quality: Double
  /// Losses on general text, of the base and of the trained model.
  let generalBefore: Double
  let generalAfter: Double
  /// Seconds of the whole command, and of its training alone.
  let seconds: Double
  let trainingSeconds: Double
  /// Bytes: the most that a rank had, and all ranks together after the last step.
  let peakOfRank: Int
  let host: Int
  /// Bytes that a host sends in each step if the ranks are on two hosts.
  let exchanged: Int
  let checkpoint: Int
  /// Tokens a second of generation: of the base, with the adapter, and merged.
  let generation: [Double]

  var json: JSON {
    let members: [(String, JSON)] = [
      ("method", .string(method)), ("command", .string(command)), ("quality", .number(quality)),
      ("general_loss_before", .number(generalBefore)), ("general_loss_after", .number(generalAfter)),
      ("seconds", .number(seconds)), ("training_seconds", .number(trainingSeconds)),
      ("trained_parameters", .integer(trained)), ("parameters", .integer(parameters)),
      ("peak_rss_bytes", .integer(peakOfRank)), ("host_bytes", .integer(host)),
      ("exchanged_bytes_per_step", .integer(exchanged)), ("checkpoint_bytes", .integer(checkpoint)),
      ("generated_tokens_per_second", .array(generation.map { .number($0) })),
    ]
    return .object(members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }
}

extension RowResult {
  /// - Returns: nil if the JSON is not that of a row.
  init?(_ json: JSON) {
    func number(_ key: String) -> Double? { json[key]?.double }
    func count(_ key: String) -> Int? { json[key]?.integer }
    guard let method = json["method"]?.text, let command = json["command"]?.text,
      let quality = number("quality"), let before = number("general_loss_before"),
      let after = number("general_loss_after"), let seconds = number("seconds"),
      let training = number("training_seconds"), let trained = count("trained_parameters"),
      let parameters = count("parameters"), let peak = count("peak_rss_bytes"),
      let host = count("host_bytes"), let exchanged = count("exchanged_bytes_per_step"),
      let checkpoint = count("checkpoint_bytes")
    else { return nil }
    self.init(
      method: method, command: command, trained: trained, parameters: parameters, quality: quality,
      generalBefore: before, generalAfter: after, seconds: seconds, trainingSeconds: training,
      peakOfRank: peak, host: host, exchanged: exchanged, checkpoint: checkpoint,
      generation: json["generated_tokens_per_second"]?.elements?.compactMap(\.double) ?? [])
  }
}
