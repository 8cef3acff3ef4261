#include "agent_api/formation_word.h"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace zk::agent_api {
namespace {

FormationTicket whole_ticket(int members) {
    FormationTicket ticket;
    ticket.generation = "6f1d";
    ticket.version = 3;
    for (int sid = 1; sid <= members; ++sid) {
        std::string nonce = std::to_string(sid);
        ticket.nonces[ServerId(sid)] = nonce + std::string(kTokenMax - nonce.size(), 'f');
    }
    ticket.issuer_nonce = ticket.nonces.at(ServerId(1));
    ticket.replaced = {ServerId(2)};
    ticket.complete = true;
    return ticket;
}
FormationWord whole_word(int members) {
    FormationWord word;
    word.cluster = "orders-eu";
    word.sid = ServerId(2);
    word.members_hash = std::string(kTokenMax, 'a');
    word.machine = std::string(kTokenMax, 'b');
    word.nonce = std::string(kTokenMax, 'c');
    word.generation = "6f1d";
    word.has_data = word.serving = true;
    word.ticket = whole_ticket(members);
    word.incarnation = Incarnation{kIncarnationMax, std::string(kTokenMax, 'd'), WallMs(1)};
    for (int sid = 1; sid <= members; ++sid) {
        word.remembers[ServerId(sid)] = {
            kIncarnationMax, std::string(kTokenMax, 'e'), WallMs(1893456000123)};
    }
    return word;
}
std::string words_of_reading(const std::string& text) {
    const auto word = parse_formation_word(text);
    return word.has_value() ? "" : word.error().words;
}
std::string words_of_reading(const FormationWord& word) { return words_of_reading(to_json(word)); }

TEST(FormationWord, GoesThereAndBack) {
    for (const int members : {2, 3, 255}) {
        const FormationWord word = whole_word(members);
        const auto back = parse_formation_word(to_json(word));
        ASSERT_TRUE(back.has_value()) << back.error().words;
        EXPECT_EQ(*back, word);
        const FormationRecord record{word.nonce, word.machine, word.ticket};
        const auto kept = parse_formation_record(to_json(record));
        ASSERT_TRUE(kept.has_value()) << kept.error().words;
        EXPECT_EQ(*kept, record);
    }
    FormationWord first = whole_word(3);
    first.incarnation.reset();
    first.remembers.clear();
    first.generation.clear();
    first.machine.clear();
    first.ticket.reset();
    EXPECT_EQ(parse_formation_word(to_json(first)).value(), first);
}

TEST(FormationWord, ANewerNodeMaySayMore) {
    std::string text = to_json(whole_word(3));
    text.insert(1, R"("colour":{"deep":[1,2]},)");
    EXPECT_EQ(words_of_reading(text), "");
}

TEST(FormationWord, WhatNoNodeSaysIsRefusedByName) {
    const auto with = [](auto change) {
        FormationWord word = whole_word(3);
        change(word);
        return words_of_reading(word);
    };
    const auto names = [](const std::string& words, const std::string& part) {
        return words == "formation word: no node says such a value of " + part;
    };
    const std::string escape = "\x1b[2J";
    EXPECT_TRUE(names(with([](auto& w) { w.cluster.clear(); }), "cluster"));
    EXPECT_TRUE(names(with([&](auto& w) { w.cluster = escape; }), "cluster"));
    EXPECT_TRUE(names(with([](auto& w) { w.cluster.assign(41, 'a'); }), "cluster"));
    EXPECT_TRUE(names(with([](auto& w) { w.sid = ServerId(0); }), "sid"));
    EXPECT_TRUE(names(with([](auto& w) { w.sid = ServerId(256); }), "sid"));
    EXPECT_TRUE(names(with([](auto& w) { w.members_hash.clear(); }), "members_hash"));
    EXPECT_TRUE(names(with([](auto& w) { w.machine = "a b"; }), "machine"));
    EXPECT_TRUE(names(with([](auto& w) { w.nonce.clear(); }), "nonce"));
    EXPECT_TRUE(names(with([](auto& w) { w.nonce += 'c'; }), "nonce"));
    EXPECT_TRUE(names(with([](auto& w) { w.generation = "a\nb"; }), "generation"));
    EXPECT_TRUE(names(with([](auto& w) { w.ticket->generation.clear(); }), "ticket.generation"));
    EXPECT_TRUE(names(with([](auto& w) { w.ticket->version = 0; }), "ticket.version"));
    EXPECT_TRUE(
        names(with([](auto& w) { w.ticket->version = kTicketVersionMax + 1; }), "ticket.version"));
    EXPECT_TRUE(names(with([](auto& w) { w.ticket->nonces.clear(); }), "ticket.nonces"));
    EXPECT_TRUE(
        names(with([](auto& w) { w.ticket->nonces[ServerId(256)] = "x"; }), "ticket.nonces"));
    EXPECT_TRUE(
        names(with([](auto& w) { w.ticket->nonces[ServerId(3)].clear(); }), "ticket.nonces"));
    EXPECT_TRUE(
        names(with([](auto& w) { w.ticket->nonces[ServerId(3)] = w.ticket->nonces[ServerId(2)]; }),
              "ticket.nonces"));
    EXPECT_TRUE(names(with([](auto& w) { w.ticket->issuer_nonce = "x"; }), "ticket.issuer_nonce"));
    EXPECT_TRUE(
        names(with([](auto& w) { w.ticket->replaced.insert(ServerId(4)); }), "ticket.replaced"));
}

TEST(FormationWord, ADamagedRecordIsRefused) {
    const FormationRecord whole{"n", "m", whole_ticket(3)};
    const auto words = [&](auto change) {
        FormationRecord record = whole;
        change(record);
        const auto kept = parse_formation_record(to_json(record));
        return kept.has_value() ? "" : kept.error().words;
    };
    EXPECT_EQ(words([](auto&) {}), "");
    EXPECT_EQ(words([](auto& r) { r.ticket.reset(); }), "");
    const std::string wrong = "formation record: no node says such a value of ";
    EXPECT_EQ(words([](auto& r) { r.nonce.clear(); }), wrong + "nonce");
    EXPECT_EQ(words([](auto& r) { r.machine = "\n"; }), wrong + "machine");
    EXPECT_EQ(words([](auto& r) { r.ticket->version = 0; }), wrong + "ticket.version");
    EXPECT_FALSE(parse_formation_record("").has_value());  // cut short by a crash
}

TEST(FormationWord, ShapesThatAreNone) {
    for (const char* text : {"", "null", "[]", "7", "\"x\"", "{", "{}", "{\"sid\":\"2\"}"}) {
        EXPECT_NE(words_of_reading(std::string(text)), "") << text;
    }
    std::string text = to_json(whole_word(3));
    const auto replaced = [&](const std::string& from, const std::string& to) {
        std::string other = text;
        const std::size_t at = other.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        return words_of_reading(other.replace(at, from.size(), to));
    };
    const std::string wrong = "formation word: wrong value of ";
    EXPECT_EQ(replaced("\"3\":", "\"03\":"), wrong + "ticket.nonces");
    EXPECT_EQ(replaced("\"3\":", "\"-\":"), wrong + "ticket.nonces");
    EXPECT_EQ(replaced("\"replaced\":[2]", "\"replaced\":[2,2]"), wrong + "ticket.replaced");
    EXPECT_EQ(replaced("\"version\":3", "\"version\":-3"), wrong + "ticket.version");
    EXPECT_EQ(replaced("\"version\":3", "\"version\":1e3"), wrong + "ticket.version");
    EXPECT_EQ(replaced("\"has_data\":true", "\"has_data\":1"), wrong + "has_data");
    EXPECT_EQ(replaced("\"sid\":2", "\"sid\":99999999999999999999"), wrong + "sid");
}

TEST(FormationWord, HugeAndDeepInputIsRefusedUnread) {
    const std::string padded = to_json(whole_word(3));
    EXPECT_EQ(words_of_reading(padded + std::string(kWordBytesMax - padded.size(), ' ')), "");
    EXPECT_NE(words_of_reading(padded + std::string(kWordBytesMax - padded.size() + 1, ' ')), "");
    EXPECT_NE(words_of_reading(std::string(kWordBytesMax, '[')), "");
    EXPECT_NE(
        words_of_reading("{\"x\":" + std::string(30'000, '[') + std::string(30'000, ']') + "}"),
        "");
}

/// Bytes changed, taken away, doubled, or parts of one text in another.
std::string mutant_of(std::string text, const std::string& other, std::mt19937& random) {
    for (auto change = 1 + random() % 4; change > 0 && !text.empty(); --change) {
        const std::size_t at = random() % text.size();
        const std::size_t many = 1 + random() % 12;
        switch (random() % 4) {
            case 0:
                text[at] = static_cast<char>(random());
                break;
            case 1:
                text.erase(at, many);
                break;
            case 2:
                text.insert(at, text.substr(random() % text.size(), many));
                break;
            default:
                text.replace(at, many, other.substr(random() % other.size(), many));
        }
    }
    return text;
}

TEST(FormationWord, MutantsAreRefusedOrMakeSense) {
    const std::string whole = to_json(whole_word(3));
    FormationWord young = whole_word(3);
    young.ticket.reset();
    const std::string small = to_json(young);
    int read = 0;
    for (unsigned seed = 1; seed <= 20; ++seed) {
        std::mt19937 random(seed);
        for (int round = 0; round < 1000; ++round) {
            const std::string text = mutant_of(random() % 2 == 0 ? whole : small, whole, random);
            const auto word = parse_formation_word(text);
            if (!word.has_value()) {
                // The words are for logs and terminals: nothing of the input may be in them.
                for (const char c : word.error().words) ASSERT_TRUE(c >= ' ' && c <= '~') << seed;
                continue;
            }
            ++read;
            const auto again = parse_formation_word(to_json(*word));
            ASSERT_TRUE(again.has_value()) << "seed " << seed << ": " << again.error().words;
            ASSERT_EQ(*again, *word) << "seed " << seed;
        }
    }
    EXPECT_GT(read, 200);
    EXPECT_LT(read, 15'000);
}

TEST(FormationWord, IncarnationsHaveBounds) {
    for (int what = 0; what < 5; ++what) {
        FormationWord word = whole_word(3);
        Incarnation& one = what < 3 ? *word.incarnation : word.remembers[ServerId(1)];
        if (what == 0) one.number = 0;
        if (what == 1) one.number = kIncarnationMax + 1;
        if (what == 2) one.id = "not plain\n";
        if (what == 3) one.id.clear();
        if (what == 4) word.remembers[ServerId(256)] = word.remembers[ServerId(2)];
        const std::string words = words_of_reading(word);
        EXPECT_NE(words.find(what < 3 ? "value of incarnation" : "value of remembers"),
                  std::string::npos)
            << what << words;
        EXPECT_EQ(words.find("plain"), std::string::npos) << "nothing of it is quoted";
    }
}

TEST(MemberMemory, KeepsWhatSupersedesAndForgetsAnotherFormation) {
    MemberMemory memory;
    const MemberMemory told{"demo", "g1", {{ServerId(2), {2, "b", WallMs(1)}}}};
    EXPECT_TRUE(merge(memory, told));
    EXPECT_EQ(memory, told);
    EXPECT_FALSE(merge(memory, told));
    EXPECT_FALSE(merge(memory, {"demo", "g1", {{ServerId(2), {1, "a", WallMs(1)}}}}));
    EXPECT_EQ(memory, told);
    EXPECT_TRUE(merge(memory, {"demo", "g1", {{ServerId(3), {1, "c", WallMs(1)}}}}));
    EXPECT_EQ(memory.members.size(), 2U);
    EXPECT_FALSE(merge(memory, {"demo", "g2", {}})) << "nothing was told";
    EXPECT_TRUE(merge(memory, {"demo", "g2", {{ServerId(1), {1, "d", WallMs(1)}}}}));
    EXPECT_EQ(memory.members.size(), 1U);
    EXPECT_EQ(parse_member_memory(to_json(memory)).value(), memory);
    EXPECT_FALSE(parse_member_memory(R"({"cluster":"demo"})").has_value());
    EXPECT_FALSE(
        parse_member_memory(R"({"cluster":"d","generation":"g","members":{"2":{"number":0}}})")
            .has_value());
}

TEST(Incarnation, OneThatFormedIsTheOldest) {
    const Incarnation one{1, "a", WallMs(1)};
    const Incarnation twin{1, "b", WallMs(1)};
    const Incarnation two{2, "c", WallMs(1)};
    EXPECT_TRUE(supersedes(one, std::nullopt));
    EXPECT_FALSE(supersedes(std::nullopt, one));
    EXPECT_FALSE(supersedes(std::nullopt, std::nullopt));
    EXPECT_TRUE(supersedes(two, one));
    EXPECT_FALSE(supersedes(one, two));
    EXPECT_FALSE(supersedes(one, one));
    EXPECT_TRUE(supersedes(one, twin) && supersedes(twin, one)) << "nobody knows which is right";
}

}  // namespace
}  // namespace zk::agent_api
