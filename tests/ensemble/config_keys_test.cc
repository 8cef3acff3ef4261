// The table of keys: that it is sound, and that a zoo.cfg is read as each row says.
#include "ensemble/config_keys.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zk::ensemble {
namespace {

using testing::HasSubstr;

const std::string kThreeServers =
    "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/d\nclientPort=2181\n"
    "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";
/// What of kThreeServers is written for every key under test.
const std::set<std::string_view> kGiven = {
    "tickTime", "initLimit", "syncLimit", "dataDir", "clientPort"};

/// A zoo.cfg with one line for `key`, and no rule between keys that its value could break.
std::string file_with(const ConfigKey& key, std::string_view value) {
    const std::map<std::string_view, std::string> partners = {
        {"minSessionTimeout", "maxSessionTimeout=2147483647\n"},
        {"maxSessionTimeout", "minSessionTimeout=0\n"},
        {"fastleader.minNotificationInterval", "fastleader.maxNotificationInterval=2147483647\n"},
        {"fastleader.maxNotificationInterval", "fastleader.minNotificationInterval=1\n"},
        {"enforce.auth.enabled", "enforce.auth.schemes=digest\n"}};
    std::string text = kThreeServers;
    if (const auto partner = partners.find(key.name); partner != partners.end())
        text += partner->second;
    if (kGiven.contains(key.name)) {
        const std::size_t at = text.find(std::string(key.name) + "=");
        text.erase(at, text.find('\n', at) + 1 - at);
    }
    // 0 ticks are none, which an ensemble may not have; alone it is another matter.
    const bool alone = key.name == "initLimit" || key.name == "syncLimit";
    if (alone) text = "dataDir=/d\nclientPort=2181\n";
    std::string name(key.name);
    if (name.ends_with('N')) name.back() = '9';
    if (name.ends_with('*')) name = name.substr(0, name.size() - 1) + "some";
    return text + name + "=" + std::string(value) + "\n";
}

struct Read {
    bool taken = false;
    std::string value;    ///< value_in()
    std::string warning;  ///< of the line, without its place
    Error error;
};
Read read(const ConfigKey& key, std::string_view value) {
    Read result;
    const std::string line = "=" + std::string(value) + ": ";
    auto config = parse_zoo_cfg(file_with(key, value), "z");
    if (!config.has_value()) {
        result.error = config.error();
        return result;
    }
    result.taken = true;
    result.value = value_in(key, *config).value_or("");
    for (const std::string& warning : config->warnings) {
        if (const std::size_t at = warning.find(line); at != std::string::npos) {
            result.warning = warning.substr(at + line.size());
        }
    }
    return result;
}

/// Taken as written: no word about it but what the row says of all values that are not the default.
void expect_counts(const ConfigKey& key, const std::string& value) {
    const Read got = read(key, value);
    EXPECT_TRUE(got.taken) << value << ": " << got.error.words;
    EXPECT_EQ(got.value, std::holds_alternative<std::monostate>(key.field) ? "" : value);
    const bool told = value != default_of(key) && key.word == nullptr;
    EXPECT_EQ(got.warning, told ? key.words : "") << value;
}
void expect_refused(const ConfigKey& key, const std::string& value) {
    EXPECT_FALSE(read(key, value).taken) << value;
}
void expect_another(const ConfigKey& key,
                    const std::string& value,
                    const std::string& counts,
                    bool told) {
    const Read got = read(key, value);
    EXPECT_TRUE(got.taken) << value << ": " << got.error.words;
    EXPECT_EQ(got.value, counts) << value;
    EXPECT_EQ(!got.warning.empty(), told) << value << ": " << got.warning;
}

void expect_number(const ConfigKey& key) {
    const NumberRule& rule = key.number;
    const bool parsed = rule.digits == Digits::parsed;
    const std::string standard = default_of(key);
    expect_counts(key, std::to_string(rule.counts.least));
    expect_counts(key, std::to_string(rule.counts.most));
    if (!standard.empty())
        expect_counts(key, rule.counts.holds(std::stoll(standard)) ? standard : "7");
    if (rule.allowed.least > kIntMin) expect_refused(key, std::to_string(rule.allowed.least - 1));
    if (rule.allowed.most < kIntMax) expect_refused(key, std::to_string(rule.allowed.most + 1));
    for (const std::string wrong : {"x", "", "12 13", "2147483648"}) {
        if (parsed) {
            expect_refused(key, wrong);
        } else {
            expect_another(key, wrong, standard, true);
        }
    }
    const bool nearest = rule.outside == Outside::nearest || rule.outside == Outside::nearest_quiet;
    const bool told = rule.outside == Outside::nearest || rule.outside == Outside::standard;
    if (rule.counts.least > rule.allowed.least) {
        expect_another(key,
                       std::to_string(rule.counts.least - 1),
                       nearest ? std::to_string(rule.counts.least) : standard,
                       told);
    }
    if (rule.counts.most < rule.allowed.most) {
        expect_another(key,
                       std::to_string(rule.counts.most + 1),
                       nearest ? std::to_string(rule.counts.most) : standard,
                       told);
    }
    // Only Integer.getInteger reads 0x.
    if (rule.digits == Digits::property) {
        EXPECT_EQ(read(key, "0x800").value, "2048");
    } else if (parsed) {
        expect_refused(key, "0x800");
    }
}

void expect_honoured(const ConfigKey& key) {
    switch (key.type) {
        case KeyType::number:
            return expect_number(key);
        case KeyType::fraction:
            expect_counts(key, "0.25");
            expect_counts(key, "0");
            for (const std::string wrong : {"x", "", "1.5", "-0.1", "0.5x", "nan"}) {
                expect_refused(key, wrong);
            }
            return;
        case KeyType::boolean:
            expect_counts(key, "true");
            expect_another(key, "FALSE", "false", false);
            return expect_refused(key, "yes");
        case KeyType::property_flag:
            expect_counts(key, "false");
            expect_another(key, "TRUE", "true", false);
            return expect_another(key, "yes", "false", true);
        case KeyType::path:
            expect_counts(key, "/a/b");
            return expect_refused(key, "");
        case KeyType::host:
            expect_counts(key, "127.0.0.1");
            expect_another(key, "[::1]", "::1", false);
            return expect_refused(key, "");
        case KeyType::word:
            if (key.word != nullptr) {
                expect_counts(key, std::string(key.standard));
                return expect_refused(key, "nonsense");
            }
            expect_counts(key, "participant");
            expect_another(key, "OBSERVER", "observer", false);
            return expect_refused(key, "boss");
        case KeyType::compression:
            expect_counts(key, "gz");
            expect_another(key, "SNAPPY", "snappy", false);
            expect_another(key, "", "", false);
            return expect_another(key, "zip", "", true);
        case KeyType::words:
            expect_counts(key, "stat, ruok");
            return expect_another(key, ",a ,, b", "a, b", false);
        case KeyType::member:
            expect_counts(key, "h:1:2");
            return expect_refused(key, "h:1");
        case KeyType::text:
            return expect_counts(key, "/a");
        case KeyType::yes_no:
            expect_counts(key, "yes");
            expect_counts(key, "no");
            return expect_another(key, "YES", default_of(key), true);
        case KeyType::class_name:
            expect_counts(key, std::string(kDefaultMetricsProvider));
            expect_counts(key, std::string(kPrometheusMetricsProvider));
            return expect_refused(key, "com.example.Provider");
    }
    ADD_FAILURE() << "no honoured key is of this type yet: say here how it is read";
}

TEST(ConfigKeys, AZooCfgIsReadAsEachRowSays) {
    for (const ConfigKey* key : config_keys()) {
        SCOPED_TRACE(key->name);
        if (key->standing == Standing::honoured) expect_honoured(*key);
    }
}

TEST(ConfigKeys, WhatIsRefusedNamesTheFeatureAndTheWayOut) {
    for (const ConfigKey* key : config_keys()) {
        if (key->standing != Standing::refused) continue;
        SCOPED_TRACE(key->name);
        const Read on = read(*key, key->feature->on);
        EXPECT_EQ(on.error.code, make_error_code(Errc::unsupported));
        EXPECT_THAT(on.error.words, HasSubstr(key->words));
        EXPECT_THAT(on.error.words, HasSubstr(key->way_out));
        if (key->feature->taken.empty()) {
            EXPECT_FALSE(read(*key, "").taken);
        } else {
            EXPECT_TRUE(read(*key, key->feature->off).taken);
            EXPECT_EQ(read(*key, key->feature->off).warning, "");
        }
    }
}

TEST(ConfigKeys, WhatHasNoEffectIsTakenWithItsWarning) {
    for (const ConfigKey* key : config_keys()) {
        if (key->standing != Standing::without_effect) continue;
        SCOPED_TRACE(key->name);
        for (const std::string_view value : {"1", "true", "", "nonsense"}) {
            EXPECT_TRUE(read(*key, value).taken);
            EXPECT_EQ(read(*key, value).warning, key->words);
        }
        if (key->feature == nullptr) continue;
        EXPECT_EQ(read(*key, key->feature->off).warning, "");
    }
}

TEST(ConfigKeys, EachRowSaysAllThatItsKindNeeds) {
    std::set<std::string_view> names;
    std::vector<Field> fields;
    for (const ConfigKey* key : config_keys()) {
        SCOPED_TRACE(key->name);
        EXPECT_TRUE(names.insert(key->name).second) << "twice";
        EXPECT_EQ(find_config_key(key->prefix.empty() ? key->name : std::string(key->prefix) + "x"),
                  key);
        EXPECT_FALSE(key->source.empty());
        EXPECT_NE(key->words.empty(),
                  key->standing != Standing::honoured || key->name == "jute.maxbuffer" ||
                      key->word != nullptr);
        const bool read_at_all = !std::holds_alternative<std::monostate>(key->field);
        EXPECT_TRUE(!read_at_all || key->standing == Standing::honoured);
        if (read_at_all) {
            EXPECT_THAT(fields, testing::Not(testing::Contains(key->field)))
                << "another key's field";
            fields.push_back(key->field);
        }
        if (key->standing == Standing::refused) {
            ASSERT_NE(key->feature, nullptr);
            EXPECT_FALSE(key->way_out.empty());
        }
        const bool needs_why = key->set_by == SetBy::zkprov ||
                               (key->set_by == SetBy::hand && key->standing == Standing::honoured);
        EXPECT_EQ(!key->why_not.empty(), needs_why);
    }
}

TEST(ConfigKeys, AnInventorysRangeLiesWithinWhatTheServerTakesAsWritten) {
    for (const ConfigKey* key : config_keys()) {
        if (key->set_by != SetBy::user || key->type != KeyType::number) continue;
        SCOPED_TRACE(key->name);
        EXPECT_LT(key->inventory.least, key->inventory.most);
        for (const std::int64_t edge : {key->inventory.least, key->inventory.most}) {
            const bool quiet = key->number.outside == Outside::standard_quiet;
            EXPECT_TRUE(key->number.counts.holds(edge) || (quiet && edge < 1)) << edge;
        }
        if (!key->zkprov_writes.empty()) {
            EXPECT_TRUE(key->inventory.holds(std::stoll(std::string(key->zkprov_writes))));
        }
    }
}

TEST(ConfigKeys, DefaultsAreApaches) {
    for (const ConfigKey* key : config_keys()) {
        if (key->standing != Standing::honoured || default_of(*key).empty()) continue;
        EXPECT_EQ(key->standard.substr(0, key->standard.find(' ')), default_of(*key)) << key->name;
    }
}

TEST(ConfigKeys, NamesOfApachesDocumentsAreToldWithTheNameThatWorks) {
    for (const ConfigKey* key : config_keys()) {
        EXPECT_EQ(name_in_a_file(key->name), "") << key->name;
        EXPECT_TRUE(key->other_names.empty() || key->prefix.empty())
            << key->name << ": a family has no other name";
    }
    EXPECT_EQ(name_in_a_file("requestThrottleLimit"), "request_throttle_max_requests");
    EXPECT_EQ(name_in_a_file("zookeeper.snapCount"), "snapCount");
    EXPECT_EQ(name_in_a_file("request"), "");
    const auto config = parse_zoo_cfg(kThreeServers + "throttledOpWaitTime=1\nticktime=9\n", "z");
    EXPECT_THAT(config->warnings[0], HasSubstr("in a file the key is 'throttled_op_wait_time'"));
    EXPECT_THAT(config->warnings[1], HasSubstr("not a setting of this server"));
}

TEST(ConfigKeys, AFamilyGivesWayToTheKeysOwnRow) {
    EXPECT_EQ(find_config_key("ssl.hostnameVerification")->name, "ssl.hostnameVerification");
    EXPECT_EQ(find_config_key("ssl.quorum.ocsp")->name, "ssl.*");
    EXPECT_EQ(find_config_key("metricsProvider.httpPort")->name, "metricsProvider.httpPort");
    EXPECT_EQ(find_config_key("metricsProvider.other")->name, "metricsProvider.*");
    EXPECT_EQ(find_config_key("group.7")->name, "group.N");
    EXPECT_EQ(find_config_key("superUser.a")->standing, Standing::refused);
    EXPECT_EQ(find_config_key("server"), nullptr);
}

}  // namespace
}  // namespace zk::ensemble
