// Which runs measures against forgetting are not for.
import Adapters
import Base
import Models
import Objectives

extension Recipe {
  func checkKept(_ top: Section) {
    let section = top.section("keep")
    let (task, way) = (type(of: objective), type(of: method))
    let isOnHeadAlone = method is Features
    if keep.holdsWeights, !Self.trainsOwnParameters(method) {
      section.fail(
        keep.elastic == nil ? "l2_sp" : "ewc",
        "holds weights near those of the base, and method \(way.name) trains none of them",
        hint: "use replay or kl_to_base, or set method=full")
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

  private static func trainsOwnParameters(_ method: any Method) -> Bool {
    method is FullMethod || method is LastLayers || method is BitFit || method is LayerNorm
  }
}
