// keys.cpp: zone P. See keys.hpp.
#include "verify/keys.hpp"

#include <algorithm>

namespace jit::verify {

using core::note::Signed;

bool Keys::add(const std::string &vkey)
{
    if (std::find(texts_.begin(), texts_.end(), vkey) != texts_.end())
        return true;
    core::note::Verifier verifier{};
    texts_.push_back(vkey);
    if (!core::note::parse_vkey(texts_.back(), &verifier)) {
        texts_.pop_back();
        return false;
    }
    keys_.push_back(verifier);
    return true;
}

bool Keys::knows(std::string_view name) const
{
    return std::any_of(keys_.begin(), keys_.end(), [name](const auto &key) { return key.name == name; });
}

Keys::Answer Keys::judge(const core::note::Checkpoint &checkpoint) const
{
    Answer answer = Answer::of_another_name;
    for (const core::note::Verifier &key : keys_) {
        if (key.name != checkpoint.origin)
            continue;
        switch (core::note::is_signed(checkpoint, key)) {
            case Signed::yes:
                return Answer::good;
            case Signed::wrongly:
                return Answer::wrong;
            case Signed::not_by_this_key:
                answer = Answer::by_another_key;
                break;
        }
    }
    return answer;
}

} // namespace jit::verify
