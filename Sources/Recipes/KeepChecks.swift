// Which runs measures against forgetting are not for.
import Adapters
import Base
import Models
import Objectives

extension Recipe {
  func checkKept(_ top: Section) {
    let section = top.section("keep")
    let (task, way) = (type(of: objective), type(of: method))
    if keep.holdsWeights, !Self.trainsOwnParameters(method) {
      section.fail(
        keep.elastic == nil ? "l2_sp" : "ewc",
        "holds weights near those of the base, and method \(way.name) trains none of them",
        hint: "use replay or kl_to_base, or set method=full")
    }
    if keep.frozenBelow > 0, !Self.trainsOwnParameters(method) {
      section.fail(
        "freeze_below", "is for parameters of the model, and method \(way.name) trains others",
        hint: "see whether the method has layers of its own")
    }
    if keep.finalShare != nil, !Self.trainsOwnParameters(method) {
      section.fail(
        "wise_ft", "averages weights with those of the base, and method \(way.name) trains none of them",
        hint: "set method=full")
    }
    if let words = optimizer.rule.evaluated?.words, keep.average != nil {
      section.fail(
        "ema", "averages weights, and the model is \(words) already", hint: "leave one of them out")
    }
    if keep.average != nil || optimizer.name == .scheduleFree, isOnHeadAlone {
      section.fail(
        "ema", "averages what steps train, and method \(way.name) may take none",
        hint: "set method=last_layers")
    }
    if keep.elastic != nil, task.isJoint || !task.keepsTokens || objective.reference != .none {
      section.fail(
        "ewc", "needs the likelihood of each sequence, which task \(task.name) has none of",
        hint: "use l2_sp or replay")
    }
    if keep.divergence > 0, isOnHeadAlone || !(objective is LanguageModel) {
      section.fail(
        "kl_to_base",
        "compares next tokens, and "
          + (isOnHeadAlone ? "method \(way.name) trains a head alone" : "task \(task.name) learns others"),
        hint: "use replay")
    }
    if keep.replay != nil, isOnHeadAlone || objective.samples(ofBatch: 2) != 2 {
      section.fail(
        "replay",
        "shows rows of a file, and "
          + (isOnHeadAlone ? "features are computed once" : "task \(task.name) makes its own"),
        hint: "leave it out")
    }
    if !keep.watched.isEmpty, isOnHeadAlone || objective.head != .languageModel {
      section.fail(
        "watch",
        "is general text, and "
          + (isOnHeadAlone
            ? "method \(way.name) changes nothing that predicts it" : "task \(task.name) predicts none"),
        hint: "leave it out")
    }
  }

  /// Whether nothing but a head is computed in a step.
  var isOnHeadAlone: Bool { method is Features }

  private static func trainsOwnParameters(_ method: any Method) -> Bool {
    method is FullMethod || method is LastLayers || method is BitFit || method is LayerNorm
  }
}
