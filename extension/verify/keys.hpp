// keys.hpp: zone P. Whose signature on a checkpoint counts.
#pragma once
#ifdef POSTGRES_H
#error "this program knows no server"
#endif

#include <deque>
#include <string>
#include <vector>

#include "core/note.hpp"

namespace jit::verify {

class Keys {
  public:
    [[nodiscard]] bool add(const std::string &vkey); // false: it is none
    [[nodiscard]] bool empty() const { return keys_.empty(); }
    [[nodiscard]] bool knows(std::string_view name) const;

    enum class Answer { good, wrong, by_another_key, of_another_name };
    [[nodiscard]] Answer judge(const core::note::Checkpoint &checkpoint) const;

  private:
    std::deque<std::string> texts_; // what the names point into
    std::vector<core::note::Verifier> keys_;
};

} // namespace jit::verify
