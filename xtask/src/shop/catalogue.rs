//! The products of the demo shop: fourteen categories, four hundred and some products with believable prices.

use super::random::Random;

/// Styles of each thing: things times styles are the products of a category.
const STYLES: &[(&str, &str)] =
    &[("云纹", "Cloud"), ("竹影", "Bamboo"), ("晨雾", "Mist"), ("月白", "Moon"), ("山野", "Meadow"), ("锦鲤", "Koi")];

/// What a category sells.
pub struct Kind {
    /// The category as data has it.
    pub code: &'static str,
    pub name: &'static str,
    /// Median price, minor units.
    median_cents: f64,
    /// Spread of the logarithm of the price.
    sigma: f64,
    /// Days after which a buyer needs more of the same; 0 for what lasts.
    pub cycle_days: f64,
    things: [(&'static str, &'static str); 5],
}

/// Every category, most bought first.
#[rustfmt::skip]
pub const KINDS: &[Kind] = &[
    Kind { code: "snacks", name: "零食", median_cents: 2_200.0, sigma: 0.45, cycle_days: 14.0,
        things: [("坚果", "Nuts"), ("牛肉干", "Beef Jerky"), ("曲奇", "Cookies"), ("芒果干", "Dried Mango"), ("海苔", "Seaweed")] },
    Kind { code: "tea", name: "茶叶", median_cents: 6_800.0, sigma: 0.6, cycle_days: 30.0,
        things: [("龙井", "Longjing Tea"), ("普洱", "Pu'er Tea"), ("乌龙", "Oolong Tea"), ("花茶", "Jasmine Tea"), ("红茶", "Black Tea")] },
    Kind { code: "coffee", name: "咖啡", median_cents: 7_500.0, sigma: 0.45, cycle_days: 21.0,
        things: [("咖啡豆", "Coffee Beans"), ("挂耳咖啡", "Drip Coffee"), ("冷萃液", "Cold Brew"), ("速溶咖啡", "Instant Coffee"), ("滤纸", "Coffee Filters")] },
    Kind { code: "household", name: "日用", median_cents: 3_200.0, sigma: 0.4, cycle_days: 35.0,
        things: [("洗衣液", "Laundry Liquid"), ("抽纸", "Tissues"), ("洗洁精", "Dish Soap"), ("垃圾袋", "Bin Bags"), ("香薰", "Room Scent")] },
    Kind { code: "beauty", name: "美妆", median_cents: 12_800.0, sigma: 0.65, cycle_days: 60.0,
        things: [("面霜", "Face Cream"), ("口红", "Lipstick"), ("面膜", "Sheet Mask"), ("精华", "Serum"), ("防晒霜", "Sunscreen")] },
    Kind { code: "pets", name: "宠物", median_cents: 8_900.0, sigma: 0.55, cycle_days: 28.0,
        things: [("猫粮", "Cat Food"), ("狗粮", "Dog Food"), ("猫砂", "Cat Litter"), ("冻干", "Freeze-dried Treats"), ("逗猫棒", "Cat Teaser")] },
    Kind { code: "baby", name: "母婴", median_cents: 11_500.0, sigma: 0.5, cycle_days: 25.0,
        things: [("纸尿裤", "Nappies"), ("奶粉", "Milk Powder"), ("湿巾", "Baby Wipes"), ("米粉", "Rice Cereal"), ("奶瓶", "Baby Bottle")] },
    Kind { code: "kitchen", name: "厨房", median_cents: 9_800.0, sigma: 0.75, cycle_days: 0.0,
        things: [("马克杯", "Mug"), ("炒锅", "Wok"), ("茶壶", "Teapot"), ("砧板", "Chopping Board"), ("饭盒", "Lunch Box")] },
    Kind { code: "home", name: "家居", median_cents: 13_500.0, sigma: 0.8, cycle_days: 0.0,
        things: [("抱枕", "Cushion"), ("台灯", "Desk Lamp"), ("毛毯", "Blanket"), ("收纳盒", "Storage Box"), ("花瓶", "Vase")] },
    Kind { code: "stationery", name: "文具", median_cents: 2_800.0, sigma: 0.6, cycle_days: 0.0,
        things: [("笔记本", "Notebook"), ("钢笔", "Fountain Pen"), ("手账贴纸", "Planner Stickers"), ("书签", "Bookmark"), ("水彩", "Watercolours")] },
    Kind { code: "toys", name: "玩具", median_cents: 10_900.0, sigma: 0.7, cycle_days: 0.0,
        things: [("积木", "Building Blocks"), ("拼图", "Jigsaw Puzzle"), ("毛绒熊", "Teddy Bear"), ("遥控车", "Remote Car"), ("棋盘", "Board Game")] },
    Kind { code: "sports", name: "运动", median_cents: 15_900.0, sigma: 0.7, cycle_days: 0.0,
        things: [("瑜伽垫", "Yoga Mat"), ("跑鞋", "Running Shoes"), ("水壶", "Water Bottle"), ("羽毛球拍", "Badminton Racket"), ("速干衣", "Dry Shirt")] },
    Kind { code: "garden", name: "园艺", median_cents: 4_900.0, sigma: 0.65, cycle_days: 0.0,
        things: [("多肉", "Succulent"), ("花盆", "Flower Pot"), ("种子", "Seeds"), ("喷壶", "Watering Can"), ("营养土", "Potting Soil")] },
    Kind { code: "digital", name: "数码", median_cents: 24_900.0, sigma: 0.9, cycle_days: 0.0,
        things: [("耳机", "Headphones"), ("充电宝", "Power Bank"), ("机械键盘", "Keyboard"), ("音箱", "Speaker"), ("数据线", "Cable")] },
];

/// One product.
#[derive(Debug, Clone)]
pub struct Product {
    pub sku: String,
    /// Chinese, then English.
    pub name: String,
    /// What a shopper would type to find it.
    pub thing: (&'static str, &'static str),
    /// Index into `KINDS`.
    pub kind: usize,
    pub price_cents: i64,
}

/// The products, category by category, the most popular of each first.
pub fn catalogue(random: &mut Random) -> Vec<Product> {
    let mut products = Vec::with_capacity(KINDS.len() * STYLES.len() * 5);
    for (kind, about) in KINDS.iter().enumerate() {
        let first = products.len();
        for thing in about.things {
            // A notebook is a notebook: most of the spread lies between things, little between their styles.
            let of_thing = about.median_cents * (about.sigma * 0.85 * random.normal()).exp();
            for style in STYLES {
                let price = of_thing * (about.sigma * 0.35 * random.normal()).exp();
                products.push(Product {
                    sku: String::new(),
                    name: format!("{}{} {} {}", style.0, thing.0, style.1, thing.1),
                    thing,
                    kind,
                    price_cents: (price / 100.0).floor().clamp(4.0, 9_000.0) as i64 * 100 + 90,
                });
            }
        }
        random.shuffle(&mut products[first..]);
        for (rank, product) in products[first..].iter_mut().enumerate() {
            product.sku = format!("{}{:02}", about.code.to_uppercase(), rank + 1);
        }
    }
    products
}
