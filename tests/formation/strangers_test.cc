// What a stranger that answers for members cannot do, whatever it says: random Words, one decision at a time.
// Source: docs/decisions/0011.
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "formation/formation.h"

namespace zk::formation {
namespace {

class Stranger {
  public:
    explicit Stranger(unsigned seed) : random_(seed) {}

    /// Believable: of the right cluster, members and id, with tickets that name what they have to.
    Word word_for(int sid, int members) {
        Word word = true_word(sid);
        word.nonce = nonce();
        word.generation = one_of({"", "", "g1", "g2"});
        word.has_data = chance(4);
        word.serving = chance(4);
        if (chance(2)) word.ticket = ticket(members);
        return word;
    }
    Ticket ticket(int members) {
        Ticket ticket;
        ticket.generation = one_of({"g1", "g2"});
        ticket.version = 1 + random_() % 3;
        for (int sid = 1; sid <= members; ++sid) {
            ticket.nonces[ServerId(sid)] = chance(4) ? nonce() : "n" + std::to_string(sid);
        }
        ticket.issuer_nonce = ticket.nonces[ServerId(1)];
        ticket.complete = chance(2);
        return ticket;
    }
    static Word true_word(int sid) {
        Word word;
        word.cluster = "demo";
        word.members_hash = "m";
        word.sid = ServerId(sid);
        word.nonce = "n" + std::to_string(sid);
        return word;
    }
    bool chance(unsigned in) { return random_() % in == 0; }
    int up_to(int most) { return 1 + static_cast<int>(random_() % static_cast<unsigned>(most)); }

  private:
    std::string nonce() { return "x" + std::to_string(random_() % 50); }
    std::string one_of(std::initializer_list<const char*> texts) {
        return *(texts.begin() + random_() % texts.size());
    }
    std::mt19937 random_;
};

/// A node, one other that says the truth, and a stranger in the place of all the rest.
struct Scene {
    Scene(Stranger& stranger, bool all_answer) {
        const int many = stranger.chance(2) ? 3 : 5;
        const int own_sid = stranger.up_to(many);
        const int true_sid = 1 + own_sid % many;
        own = Stranger::true_word(own_sid);
        if (stranger.chance(2)) own.ticket = stranger.ticket(many);
        for (int sid = 1; sid <= many; ++sid) {
            members[ServerId(sid)] = true;
            const bool answers = all_answer || !stranger.chance(4);
            if (sid != own_sid && answers) heard[ServerId(sid)] = stranger.word_for(sid, many);
        }
        truth = &(heard[ServerId(true_sid)] = Stranger::true_word(true_sid));
    }
    [[nodiscard]] Decision decided() const { return decide(members, own, heard, "fresh"); }
    Members members;
    Word own;
    Heard heard;
    Word* truth = nullptr;
};
bool begins(const Decision& decision) {
    return decision.step == Step::form || decision.step == Step::sign;
}
constexpr unsigned kSeeds = 20'000;

TEST(Strangers, MoveNoNodeThatHasARecordOrData) {
    for (unsigned seed = 1; seed <= kSeeds / 4; ++seed) {
        Stranger stranger(seed);
        Scene scene(stranger, stranger.chance(2));
        scene.own.has_data = true;
        EXPECT_EQ(scene.decided().step, Step::refuse) << seed;
        scene.own.has_data = stranger.chance(2);
        scene.own.generation = "g1";
        EXPECT_EQ(scene.decided().step, Step::start) << seed;
    }
}

TEST(Strangers, BeginNothingWhileOneThatRemembersIsHeard) {
    int begun_without = 0;
    for (unsigned seed = 1; seed <= kSeeds; ++seed) {
        Stranger stranger(seed);
        Scene scene(stranger, true);
        begun_without += begins(scene.decided()) ? 1 : 0;
        scene.truth->generation = "true";
        scene.truth->has_data = stranger.chance(2);
        ASSERT_FALSE(begins(scene.decided())) << seed;
        // Data whose record is lost stop it as well.
        scene.truth->generation.clear();
        scene.truth->has_data = true;
        ASSERT_FALSE(begins(scene.decided())) << seed;
    }
    EXPECT_GT(begun_without, 1000);  // the scenes are such that it could
}

TEST(Strangers, GetNothingSignedWhileAMemberIsSilent) {
    for (unsigned seed = 1; seed <= kSeeds; ++seed) {
        Stranger stranger(seed);
        Scene scene(stranger, true);
        scene.heard.erase(scene.truth->sid);
        ASSERT_NE(scene.decided().step, Step::sign) << seed;
        scene.own.ticket.reset();
        ASSERT_NE(scene.decided().step, Step::form) << seed;
    }
}

}  // namespace
}  // namespace zk::formation
