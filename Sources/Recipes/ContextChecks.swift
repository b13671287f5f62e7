// Which runs cannot cut their sequences into chunks.
import Adapters
import Base
import Objectives

extension Recipe {
  func checkContext(_ top: Section) {
    guard parallel.context > 1 else { return }
    let section = top.section("parallel")
    func refuse(_ reason: String, _ hint: String) {
      section.fail("context", "is \(parallel.context), and \(reason)", hint: hint)
    }
    let way = type(of: method).name
    if !tasks.isEmpty || !(objective is LanguageModel) {
      refuse(
        tasks.isEmpty
          ? "task \(type(of: objective).name) reads sequences as a whole" : "there are several tasks",
        "set task=language_model")
    }
    if !adapters.isEmpty { refuse("there are several adapters", "train them one by one") }
    if method.virtualPositions != .none {
      refuse("method \(way) puts virtual tokens before each sequence", "set method=lora")
    }
    if method is Features {
      refuse("method \(way) keeps what whole sequences give", "set method=last_layers")
    }
    if keep.divergence > 0 {
      refuse("keep.kl_to_base asks the base about whole sequences", "use keep.replay")
    }
    if keep.elastic != nil { refuse("keep.ewc measures whole sequences", "use keep.l2_sp") }
    if training.noise > 0 {
      refuse("training.neftune_noise_alpha is drawn for whole sequences", "leave the noise out")
    }
    if training.audit > 0 {
      refuse("training.audit computes a micro-batch again on one other rank", "leave training.audit out")
    }
  }
}
